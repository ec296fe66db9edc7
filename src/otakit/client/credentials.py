"""How a device proves who it is: one of ThingsBoard's three types of credentials.

A value only; what it holds is in no repr. Knows what CONNECT says with each type; refuses to know files'
contents and TLS, which is where a certificate is shown.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from otakit.errors import SettingsError

ACCESS_TOKEN, MQTT_BASIC, X509 = "ACCESS_TOKEN", "MQTT_BASIC", "X509_CERTIFICATE"
"""ThingsBoard's own names of the types."""
WORDS = {ACCESS_TOKEN: "access token", MQTT_BASIC: "MQTT basic credentials", X509: "client certificate"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """Made by `token`, `basic` or `certificate`.

    Attributes:
        type: ThingsBoard's name of it.
        client_id: sent in CONNECT; with `basic` it is part of the credentials.
        user_name: likewise; of a token, the token.
        password: likewise.
        certificate_file: PEM file of the client certificate, its chain behind it.
        key_file: PEM file of its private key; None where it is in the same file.

    Example:
        >>> Credentials.basic(user_name="pump", password="s3cret")
        <MQTT basic credentials>
    """

    type: str
    user_name: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    client_id: str = field(default="", repr=False)
    certificate_file: str | None = None
    key_file: str | None = None

    def __repr__(self) -> str:
        """The type alone."""
        return f"<{self.words}>"

    @property
    def words(self) -> str:
        """The type, for a person."""
        return WORDS.get(self.type, self.type)

    @classmethod
    def token(cls, token: str) -> Credentials:
        """An access token, sent as the user name.

        Raises:
            SettingsError: it is empty.
        """
        if not token:
            raise SettingsError("credentials: the access token is empty; give its characters, or leave it out")
        return cls(ACCESS_TOKEN, token)

    @classmethod
    def basic(
        cls, *, client_id: str | None = None, user_name: str | None = None, password: str | None = None
    ) -> Credentials:
        """MQTT basic: client id, user name, or both; a password only beside a user name.

        Raises:
            SettingsError: ThingsBoard would refuse this combination; the text names it.
        """
        if not client_id and not user_name:
            raise SettingsError("credentials: client_id and user_name are both empty; give one of them or both")
        if password and not user_name:
            raise SettingsError("credentials: a password needs a user_name beside it; give user_name too")
        return cls(MQTT_BASIC, user_name or None, password or None, client_id or "")

    @classmethod
    def certificate(cls, certificate_file: object, key_file: object = None) -> Credentials:
        """A client certificate, shown inside TLS.

        Args:
            certificate_file: a PEM file: the device's certificate first.
            key_file: PEM file of its private key; not needed where it is in the same file.
        """
        return cls(X509, certificate_file=str(certificate_file), key_file=None if key_file is None else str(key_file))

    def differences(self, other: Credentials) -> list[str]:
        """Which parts differ, by name alone: what they hold is not said."""
        if self.type != other.type:
            return [f"type ({self.words}, not {other.words})"]
        names = (each.name for each in fields(self) if each.name not in ("type", "certificate_file", "key_file"))
        return [name for name in names if getattr(self, name) != getattr(other, name)]
