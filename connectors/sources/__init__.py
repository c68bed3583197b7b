"""One module per vendor. They share `connectors.http` and the nouns, never each other."""
