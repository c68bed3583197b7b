"""The WSDL that GET gives: enough for a SOAP client to ask for contacts and counters."""

from connectors.sandbox.five9.soap import NAMESPACE

OPERATIONS = {
    "closeSession": "",
    "getCallCountersState": "",
    "getCampaigns": "campaignNamePattern campaignType",
    "getContactFields": "namePattern",
    "getContactRecords": "lookupCriteria",
    "getDispositions": "dispositionNamePattern",
    "getListsForCampaign": "campaignName",
    "getListsInfo": "listNamePattern",
    "getAgentGroups": "groupNamePattern",
    "getReportResultCsv": "identifier",
    "getSkills": "skillNamePattern",
    "getUsersGeneralInfo": "userNamePattern",
}
SOAP = "http://schemas.xmlsoap.org/wsdl/soap/"


def wsdl(address: str) -> str:
    """The document, with `address` as the place to ask."""
    elements, messages, port, binding = "", "", "", ""
    for name, arguments in OPERATIONS.items():
        parts = "".join(
            f'<xs:element name="{each}" minOccurs="0" type="'
            f'{"tns:crmLookupCriteria" if each == "lookupCriteria" else "xs:string"}"/>'
            for each in arguments.split()
        )
        elements += _element(name, parts) + _element(
            f"{name}Response",
            '<xs:any minOccurs="0" maxOccurs="unbounded" processContents="skip"/>',
        )
        for each in (name, f"{name}Response"):
            messages += (
                f'<wsdl:message name="{each}"><wsdl:part name="p" element="tns:{each}"/>'
                f"</wsdl:message>"
            )
        port += (
            f'<wsdl:operation name="{name}"><wsdl:input message="tns:{name}"/>'
            f'<wsdl:output message="tns:{name}Response"/></wsdl:operation>'
        )
        body = '<soap:body use="literal"/>'
        binding += (
            f'<wsdl:operation name="{name}"><soap:operation soapAction=""/>'
            f"<wsdl:input>{body}</wsdl:input><wsdl:output>{body}</wsdl:output></wsdl:operation>"
        )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><wsdl:definitions name="WsAdminService" '
        f'targetNamespace="{NAMESPACE}" xmlns:tns="{NAMESPACE}" xmlns:soap="{SOAP}" '
        f'xmlns:xs="http://www.w3.org/2001/XMLSchema" '
        f'xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"><wsdl:types>'
        f'<xs:schema targetNamespace="{NAMESPACE}">{elements}{CRITERIA}</xs:schema></wsdl:types>'
        f'{messages}<wsdl:portType name="WsAdmin">{port}</wsdl:portType>'
        f'<wsdl:binding name="WsAdminServiceSoapBinding" type="tns:WsAdmin"><soap:binding '
        f'transport="http://schemas.xmlsoap.org/soap/http"/>{binding}</wsdl:binding>'
        f'<wsdl:service name="WsAdminService"><wsdl:port name="WsAdminPort" '
        f'binding="tns:WsAdminServiceSoapBinding"><soap:address location="{address}"/>'
        f"</wsdl:port></wsdl:service></wsdl:definitions>"
    )


CRITERIA = (
    '<xs:complexType name="crmLookupCriteria"><xs:sequence>'
    '<xs:element name="contactIdField" type="xs:string" minOccurs="0"/>'
    '<xs:element name="criteria" minOccurs="0" maxOccurs="unbounded"><xs:complexType>'
    '<xs:sequence><xs:element name="field" type="xs:string"/>'
    '<xs:element name="value" type="xs:string"/></xs:sequence></xs:complexType></xs:element>'
    "</xs:sequence></xs:complexType>"
)


def _element(name: str, parts: str) -> str:
    return (
        f'<xs:element name="{name}"><xs:complexType><xs:sequence>{parts}</xs:sequence>'
        f"</xs:complexType></xs:element>"
    )
