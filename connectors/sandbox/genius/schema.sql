-- The tables of Genius as MySQL and SQLite both read them. `users_userassociations` and the two
-- `third_party_*` tables serve joins. There is no foreign key: references are plain numbers,
-- 0 or NULL where there is none.

create table `division_group` (
  `id` smallint not null, `group_label` varchar(64), `region` int not null,
  `default_time_zone_name` varchar(64) not null, `intern_payroll_start` int,
  `painter_payroll_start` int, `is_active` tinyint(1) not null, `cc_profile_id` varchar(32),
  `mes_profile_id` varchar(25), `mes_profile_key` varchar(50), `docusign_acct_id` varchar(50),
  `paysimple_username` varchar(20), `paysimple_secret` varchar(150), `hub_account_id` int,
  `created_at` datetime not null, `updated_at` datetime not null,
  primary key (`id`)
);
create index `ix_division_group_updated` on `division_group` (`updated_at`, `id`);

create table `division_region` (
  `id` smallint not null, `name` varchar(64), `is_active` tinyint(1) not null,
  primary key (`id`)
);

create table `division` (
  `id` int not null, `group_id` smallint, `region_id` smallint, `label` varchar(255),
  `abbreviation` varchar(50), `is_utility` tinyint(1) not null, `is_corp` tinyint(1) not null,
  `is_omniscient` tinyint(1) not null, `is_inactive` int not null, `account_scheduler_id` int,
  `created_at` datetime not null, `updated_at` datetime not null,
  primary key (`id`)
);
create index `ix_division_updated` on `division` (`updated_at`, `id`);

create table `user_data` (
  `user_id` int not null, `division_id` int not null, `title_id` smallint, `manager_user_id` int,
  `first_name` varchar(100), `first_name_alt` varchar(100), `last_name` varchar(100),
  `email` varchar(254), `personal_email` varchar(254), `birth_date` date, `gender_id` int,
  `marital_status_id` int, `time_zone_name` varchar(50) not null, `hired_on` datetime,
  `start_date` datetime, `add_user_id` int, `add_datetime` datetime,
  `is_inactive` tinyint(1) not null, `inactive_on` datetime, `inactive_reason_id` smallint,
  `inactive_reason_other` varchar(255), `inactive_transfer_division_id` int,
  `updated_at` datetime not null, `user_associations_id` int,
  primary key (`user_id`)
);
create index `ix_user_data_updated` on `user_data` (`updated_at`, `user_id`);

create table `users_userassociations` (
  `id` int not null, `primary_user_id` int, `created_at` datetime not null,
  `updated_at` datetime not null,
  primary key (`id`)
);
create index `ix_users_userassociations_updated` on `users_userassociations` (`updated_at`, `id`);

create table `user_title` (
  `id` smallint not null, `title` varchar(100), `abbreviation` varchar(10), `roles` varchar(256),
  `type_id` smallint not null, `section_id` smallint, `sort` smallint not null,
  `pay_component_group_id` smallint, `is_active` tinyint(1) not null,
  `is_unique_per_division` tinyint(1) not null, `created_at` datetime not null,
  `updated_at` datetime not null,
  primary key (`id`)
);
create index `ix_user_title_updated` on `user_title` (`updated_at`, `id`);

create table `prospect` (
  `id` int not null, `division_id` int, `first_name` varchar(100), `last_name` varchar(100),
  `alt_first_name` varchar(100), `alt_last_name` varchar(100), `address1` varchar(255),
  `address2` varchar(255), `city` varchar(100), `county` varchar(100), `state` varchar(2),
  `zip` varchar(20), `phone1` varchar(20), `phone2` varchar(20), `email` varchar(254),
  `notes` text, `add_user_id` int not null, `add_date` datetime, `marketsharp_id` varchar(100),
  `leap_customer_id` varchar(100), `is_address_valid` smallint not null,
  `updated_at` datetime not null, `user_id` int, `year_built` smallint,
  `third_party_source_id` int,
  primary key (`id`)
);
create index `ix_prospect_updated` on `prospect` (`updated_at`, `id`);

create table `prospect_source` (
  `id` int not null, `prospect_id` int not null, `marketing_source_id` int not null,
  `source_date` datetime, `notes` text, `add_user_id` int not null, `add_date` datetime not null,
  `updated_at` datetime, `source_user_id` int,
  primary key (`id`)
);
create index `ix_prospect_source_updated` on `prospect_source` (`updated_at`, `id`);

create table `appointment_type` (
  `id` int not null, `label` varchar(50), `is_active` tinyint(1) not null,
  primary key (`id`)
);

create table `appointment_outcome_type` (
  `id` int not null, `label` varchar(50), `sort_idx` smallint unsigned not null,
  `is_active` tinyint(1) not null, `created_at` datetime not null, `updated_at` datetime not null,
  primary key (`id`)
);
create index `ix_appointment_outcome_type_updated` on `appointment_outcome_type` (`updated_at`, `id`);

create table `appointment_outcome` (
  `id` int not null, `type_id` smallint unsigned not null, `label` varchar(50),
  `is_active` tinyint(1) not null, `created_at` datetime not null, `updated_at` datetime not null,
  primary key (`id`)
);
create index `ix_appointment_outcome_updated` on `appointment_outcome` (`updated_at`, `id`);

create table `appointment` (
  `id` int not null, `prospect_id` int not null, `prospect_source_id` int, `user_id` int,
  `type_id` int not null, `date` date, `time` time, `duration` time, `address1` varchar(255),
  `address2` varchar(255), `city` varchar(100), `state` varchar(2), `zip` varchar(20),
  `email` varchar(254), `notes` text, `add_user_id` int not null, `add_date` datetime,
  `assign_date` datetime, `confirm_user_id` int, `confirm_date` datetime,
  `confirm_with` varchar(100), `spouses_present` int not null, `is_complete` int not null,
  `complete_outcome_id` int, `complete_user_id` int, `complete_date` datetime,
  `marketsharp_id` varchar(100), `marketsharp_appt_type` varchar(100),
  `leap_estimate_id` varchar(100), `updated_at` datetime not null, `third_party_source_id` int,
  primary key (`id`)
);
create index `ix_appointment_updated` on `appointment` (`updated_at`, `id`);

create table `service` (
  `id` smallint not null, `label` varchar(100), `is_active` tinyint(1) not null,
  `is_lead_required` tinyint(1) not null, `order_number` smallint not null,
  `created_at` datetime not null, `updated_at` datetime not null,
  primary key (`id`)
);
create index `ix_service_updated` on `service` (`updated_at`, `id`);

create table `appointment_to_service` (
  `appointment_id` int not null, `service_id` smallint not null, `created_at` datetime not null,
  `updated_at` datetime not null,
  primary key (`appointment_id`, `service_id`)
);
create index `ix_appointment_to_service_updated` on `appointment_to_service` (`updated_at`, `appointment_id`, `service_id`);

create table `quote` (
  `id` int not null, `prospect_id` int not null, `appointment_id` int, `job_id` int,
  `client_cid` int, `service_id` smallint not null, `label` varchar(255), `description` text,
  `amount` decimal(10,2) not null, `expire_date` date, `status_id` int not null,
  `contract_file_id` int, `estimate_file_id` int, `add_user_id` int not null,
  `add_date` datetime not null, `updated_at` datetime not null,
  primary key (`id`)
);
create index `ix_quote_updated` on `quote` (`updated_at`, `id`);

create table `marketing_source_type` (
  `id` int not null, `label` varchar(255), `description` text, `is_active` tinyint(1) not null,
  `list_order` int, `created_at` datetime not null, `updated_at` datetime,
  primary key (`id`)
);
create index `ix_marketing_source_type_updated` on `marketing_source_type` (`updated_at`, `id`);

create table `marketing_source` (
  `id` int not null, `type_id` int not null, `label` varchar(255), `description` text,
  `start_date` date, `end_date` date, `add_user_id` int not null, `add_date` datetime,
  `is_active` tinyint(1) not null, `is_allow_lead_modification` tinyint(1) not null,
  `updated_at` datetime not null,
  primary key (`id`)
);
create index `ix_marketing_source_updated` on `marketing_source` (`updated_at`, `id`);

create table `lead` (
  `lead_id` int not null, `contact` int not null, `division` int not null,
  `first_name` varchar(50), `last_name` varchar(50), `address1` varchar(50),
  `address2` varchar(50), `city` varchar(50), `state` varchar(2), `zip` varchar(7),
  `cdyne_county` varchar(25), `is_valid_address` smallint not null, `email` varchar(100),
  `phone1` varchar(12), `type1` smallint not null, `phone2` varchar(12),
  `type2` smallint not null, `phone3` varchar(12), `type3` smallint not null,
  `phone4` varchar(12), `type4` smallint not null, `source` smallint not null,
  `source_notes` varchar(64), `sourced_on` datetime, `job_type` smallint not null,
  `rating` smallint, `year_built` varchar(4), `is_year_built_verified` smallint not null,
  `is_zillow` smallint not null, `is_express_consent` smallint not null,
  `express_consent_set_by` int, `express_consent_set_on` datetime,
  `express_consent_source` smallint, `express_consent_upload_file_id` int,
  `is_express_consent_being_reviewed` smallint not null, `express_consent_being_reviewed_by` int,
  `notes` text, `status` smallint, `substatus` smallint, `substatus_reason` int,
  `alternate_id` int, `added_by` int not null, `added_on` datetime, `viewed_on` datetime,
  `is_estimate_set` smallint not null, `estimate_set_by` int, `estimate_set_on` datetime,
  `dead_on` datetime, `dead_by` int, `dead_note` varchar(100), `is_credit_request` smallint,
  `credit_request_by` int, `credit_request_on` datetime, `credit_request_reason` text,
  `credit_request_status` smallint, `credit_request_update_on` datetime,
  `credit_request_update_by` int, `credit_request_note` text, `lead_cost` float not null,
  `import_source` varchar(100), `call_screen_viewed_on` datetime, `call_screen_viewed_by` int,
  `copied_to_id` int, `copied_to_on` datetime, `copied_from_id` int, `copied_from_on` datetime,
  `cwp_client` int not null, `cwp_referral` int, `rc_paid_to` int, `rc_paid_on` datetime,
  `with_dm` smallint not null, `voicemail_file` varchar(124), `agent_id` varchar(48),
  `agent_name` varchar(124), `invalid_address` smallint not null,
  `is_valid_email` smallint not null, `is_high_potential` smallint not null,
  `is_mobile_lead` smallint not null, `is_dnc` smallint, `is_dummy` smallint not null,
  `lead_central_estimate_date` datetime, `do_not_call_before` datetime,
  `is_estimate_confirmed` smallint, `estimate_confirmed_by` int, `estimate_confirmed_on` datetime,
  `added_by_latitude` decimal(9,7), `added_by_longitude` decimal(10,7),
  `is_carpentry_followup` smallint not null, `carpentry_followup_notes` text,
  `marketing_source` int, `prospect_id` int, `added_by_supervisor` int, `salesrabbit_lead_id` int,
  `third_party_source_id` int, `updated_at` datetime,
  primary key (`lead_id`)
);
create index `ix_lead_updated` on `lead` (`updated_at`, `lead_id`);

create table `marketsharp_source` (
  `id` int not null, `marketsharp_id` varchar(256) not null, `source_name` varchar(128) not null,
  `inactive` smallint not null, `created_at` datetime not null, `updated_at` datetime not null,
  primary key (`id`)
);
create index `ix_marketsharp_source_updated` on `marketsharp_source` (`updated_at`, `id`);

create table `marketsharp_marketing_source_map` (
  `marketsharp_id` varchar(128) not null, `marketing_source_id` int,
  `created_at` datetime not null, `updated_at` datetime not null,
  primary key (`marketsharp_id`)
);
create index `ix_marketsharp_marketing_source_map_updated` on `marketsharp_marketing_source_map` (`updated_at`, `marketsharp_id`);

create table `job` (
  `id` int not null, `client_cid` int, `prospect_id` int not null, `division_id` int not null,
  `user_id` int, `production_user_id` int, `project_coordinator_user_id` int,
  `production_month` int, `subcontractor_id` int, `subcontractor_status_id` smallint,
  `subcontractor_confirmed` smallint not null, `status` int not null,
  `is_in_progress` smallint not null, `ready_status` smallint, `prep_status_id` smallint,
  `prep_status_set_date` datetime, `prep_status_is_reset` smallint not null,
  `prep_status_notes` text, `prep_issue_id` varchar(32), `service_id` smallint not null,
  `is_lead_pb` smallint not null, `contract_number` varchar(50), `contract_date` date,
  `contract_amount` decimal(11,2) not null, `contract_amount_difference` text,
  `contract_hours` int not null, `contract_file_id` int, `job_value` decimal(11,2) not null,
  `deposit_amount` decimal(11,2) not null, `deposit_type_id` smallint,
  `is_financing` smallint not null, `sales_tax_rate` decimal(7,5) not null,
  `is_sales_tax_exempt` smallint not null, `commission_payout` decimal(11,2) not null,
  `accrued_commission_payout` decimal(11,2) not null, `sold_user_id` int, `sold_date` date,
  `start_request_date` date, `deadline_date` date, `ready_date` date, `jsa_sent` smallint,
  `start_date` date, `end_date` date, `add_user_id` int not null, `add_date` datetime not null,
  `cancel_date` date, `cancel_user_id` int, `cancel_reason_id` smallint,
  `is_refund` smallint not null, `refund_date` date, `refund_user_id` int, `finish_date` date,
  `is_earned_not_paid` smallint not null, `materials_arrival_date` date, `measure_date` date,
  `measure_time` time, `measure_user_id` int, `time_format` smallint,
  `materials_estimated_arrival_date` date, `materials_ordered` datetime,
  `price_level` varchar(32), `price_level_goal` smallint, `price_level_commission` decimal(3,1),
  `price_level_commission_reduction` smallint, `is_reviewed` smallint not null, `reviewed_by` int,
  `pp_id_updated` smallint not null, `hoa` smallint, `hoa_approved` smallint, `install_date` date,
  `install_time` time, `install_time_format` smallint, `materials_ordered_old` smallint,
  `start_month_old` smallint, `cogs_report_month` varchar(50),
  `is_cogs_report_month_updated` smallint not null, `forecast_month` varchar(50),
  `coc_sent_on` datetime, `coc_sent_by` int, `company_cam_link` varchar(256),
  `pm_finished_on` date, `estimate_job_duration` smallint, `payment_not_finalized_reason` int,
  `reasons_other` varchar(255), `payment_type` int, `payment_amount` decimal(11,2),
  `is_payment_finalized` smallint, `is_company_cam` smallint, `is_five_star_review` smallint,
  `projected_end_date` date, `is_company_cam_images_correct` smallint,
  `post_pm_closeout_date` date, `pre_pm_closeout_date` date, `actual_install_date` datetime,
  `in_progress_substatus_id` int, `is_loan_document_uptodate` smallint,
  `is_labor_adjustment_correct` smallint, `is_change_order_correct` smallint,
  `is_coc_pdf_attached` smallint not null, `updated_at` datetime not null,
  primary key (`id`)
);
create index `ix_job_updated` on `job` (`updated_at`, `id`);

create table `job_change_order` (
  `id` int not null, `job_id` int not null, `number` varchar(20) not null,
  `status_id` smallint not null, `type_id` smallint not null, `adjustment_change_order_id` int,
  `effective_date` date not null, `total_amount` decimal(9,2) not null, `add_user_id` int,
  `add_date` datetime, `sold_user_id` int, `sold_date` datetime, `cancel_user_id` int,
  `cancel_date` datetime, `reason_id` smallint, `envelope_id` varchar(64),
  `total_contract_amount` decimal(9,2) not null,
  `total_pre_change_orders_amount` decimal(9,2) not null, `signer_name` varchar(100),
  `signer_email` varchar(100), `financing_note` varchar(255), `updated_at` datetime not null,
  primary key (`id`)
);
create index `ix_job_change_order_updated` on `job_change_order` (`updated_at`, `id`);

create table `job_change_order_item` (
  `id` int not null, `change_order_id` int not null, `description` varchar(256),
  `amount` decimal(8,2) not null, `created_at` datetime not null, `updated_at` datetime not null,
  primary key (`id`)
);
create index `ix_job_change_order_item_updated` on `job_change_order_item` (`updated_at`, `id`);

create table `job_change_order_reason` (
  `id` int not null, `label` varchar(100), `description` varchar(255),
  primary key (`id`)
);

create table `job_change_order_status` (
  `id` int not null, `label` varchar(32) not null, `is_selectable` smallint not null,
  primary key (`id`)
);

create table `job_change_order_type` (
  `id` int not null, `label` varchar(32),
  primary key (`id`)
);

create table `job_status` (
  `id` int not null, `label` varchar(50), `is_system` smallint not null,
  primary key (`id`)
);

create table `job_financing` (
  `job_id` int not null, `term_id` int, `financed_amount` decimal(9,2) not null,
  `max_financed_amount` decimal(9,2) not null, `bid_rate` decimal(5,3),
  `commission_reduction` decimal(5,3), `signed_on` datetime,
  `cancellation_period_expires_on` datetime, `app_submission_date` datetime,
  `is_joint_application` smallint not null, `applicant` varchar(50), `co_applicant` varchar(50),
  `status` smallint not null, `approved_on` datetime, `loan_expiration_date` datetime,
  `denied_on` datetime, `denied_by` int, `why_book` text, `would_book` smallint,
  `is_financing_factor` smallint, `satisfied` text, `docs_completed` datetime,
  `active_stipulation_notes` text, `is_active_stipulations_cleared` smallint not null,
  `legal_app_name` varchar(100),
  primary key (`job_id`)
);

create table `integration_field` (
  `id` int not null, `definition_id` int not null, `user_id` int, `division_id` int,
  `field_value` varchar(128), `created_at` datetime not null, `updated_at` datetime not null,
  primary key (`id`)
);
create index `ix_integration_field_updated` on `integration_field` (`updated_at`, `id`);

create table `integration_field_definition` (
  `id` int not null, `integration_id` int not null, `label` varchar(32) not null,
  `key_name` varchar(64) not null, `is_user` tinyint(1) not null,
  `is_division` tinyint(1) not null, `hint` varchar(255), `input_type` varchar(50),
  primary key (`id`)
);

create table `third_party_source` (
  `id` int not null, `third_party_source_type_id` int not null, `third_party_id` varchar(64),
  primary key (`id`)
);

create table `third_party_source_type` (
  `id` int not null, `label` varchar(32) not null,
  primary key (`id`)
);
