"""Which pages belong to the settings. The navigation marks its link to the settings on them, and they have a link back."""

# Names of URLs. Other apps add theirs when they are ready.
settings_pages = {
    *(
        "accounts:settings",
        "accounts:settings-profile",
        "accounts:settings-emails",
        "accounts:settings-locale",
    ),
    *("accounts:invitations", "accounts:mutes", "accounts:blocks", "accounts:decisions", "accounts:leave"),
    *("account_email", "account_change_password", "account_set_password", "usersessions_list"),
    *("mfa_index", "mfa_activate_totp", "mfa_deactivate_totp"),
    *("mfa_view_recovery_codes", "mfa_generate_recovery_codes"),
    *("mfa_list_webauthn", "mfa_add_webauthn", "mfa_edit_webauthn", "mfa_remove_webauthn"),
}
