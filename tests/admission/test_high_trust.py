"""Smart hosts of high-trust providers are known by name, and nothing else is."""

import pytest

from goodstanding.admission.high_trust import provider_of, providers


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("smtp.azurecomm.net", "Azure Communication Services"),
        ("SMTP.AzureComm.net.", "Azure Communication Services"),
        ("smtp.office365.com", "Exchange Online (Microsoft 365)"),
        ("contoso-com.mail.protection.outlook.com", "Exchange Online (Microsoft 365)"),
        ("email-smtp.eu-central-1.amazonaws.com", "Amazon SES"),
        ("email-smtp-fips.us-east-1.amazonaws.com", "Amazon SES"),
        ("smtp.postmarkapp.com", "Postmark"),
        ("smtp-relay.gmail.com", "Google Workspace"),
    ],
)
def test_a_provider_is_known_by_its_host(host: str, name: str) -> None:
    found = provider_of(host)
    assert found is not None and found.name == name


@pytest.mark.parametrize(
    "host", ["", "relay.example", "192.0.2.1", "smtp.azurecomm.net.example", "xsmtp.azurecomm.net", "s3.amazonaws.com"]
)
def test_other_hosts_are_not(host: str) -> None:
    assert provider_of(host) is None


def test_every_entry_says_where_it_comes_from_and_why() -> None:
    for provider in providers():
        assert provider.source.startswith("https://") and provider.because and provider.hosts
        assert all(host == host.lower() for host in provider.hosts)
