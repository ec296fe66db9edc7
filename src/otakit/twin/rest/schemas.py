"""The bodies of the REST door as JSON Schema, with an example of each that is sent.

Data only: what ThingsBoard's controllers take and give, as far as the twin has them.
"""

from __future__ import annotations

from otakit.twin.rest.bodies import Json

_ID = "784f394c-42b6-435a-983c-b7beff2784f9"
_OBJECT: Json = {"type": ["object", "null"]}
_TEXT: Json = {"type": ["string", "null"]}
_COUNT: Json = {"type": ["integer", "null"], "format": "int64"}
_STAMP: Json = {"type": "integer", "format": "int64", "description": "Milliseconds since 1970."}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _maybe(name: str) -> Json:
    return {"anyOf": [_ref(name), {"type": "null"}]}


def _given(schema: Json) -> Json:
    return {**schema, "readOnly": True}


def _object(properties: Json, required: tuple[str, ...] = ()) -> Json:
    return {"type": "object", "properties": properties, "required": list(required)}


def _id(kind: str) -> Json:
    properties: Json = {"entityType": {"const": kind}, "id": {"type": "string", "format": "uuid"}}
    return _object(properties, ("id",))


_NAME: Json = {"type": "string", "minLength": 1, "maxLength": 255}
_KINDS = {
    "DeviceId": "DEVICE",
    "DeviceProfileId": "DEVICE_PROFILE",
    "OtaPackageId": "OTA_PACKAGE",
    "TenantId": "TENANT",
}
_SAVED: Json = {"createdTime": _given(_STAMP), "tenantId": _given(_ref("TenantId"))}
_PROVISION_TYPES = ["DISABLED", "ALLOW_CREATE_NEW_DEVICES", "CHECK_PRE_PROVISIONED_DEVICES", "X509_CERTIFICATE_CHAIN"]

SCHEMAS: Json = {
    **{name: _id(kind) for name, kind in _KINDS.items()},
    "Error": _object(
        {
            "status": {"type": "integer", "description": "The HTTP status once more."},
            "message": {"type": "string"},
            "errorCode": {"type": "integer", "enum": [2, 10, 11, 15, 20, 30, 31, 32, 33, 35, 41]},
            "timestamp": _STAMP,
        },
        ("status", "message", "errorCode", "timestamp"),
    ),
    "LoginRequest": _object({"username": {"type": "string"}, "password": {"type": "string", "format": "password"}}),
    "RefreshRequest": _object({"refreshToken": {"type": "string"}}),
    "TokenPair": _object({"token": {"type": "string"}, "refreshToken": {"type": "string"}}, ("token", "refreshToken")),
    "Device": _object(
        {
            "id": _ref("DeviceId"),
            **_SAVED,
            "name": _NAME,
            "type": {**_TEXT, "description": "The profile's name; names it where deviceProfileId does not."},
            "label": {**_TEXT, "maxLength": 255},
            "deviceProfileId": _maybe("DeviceProfileId"),
            "firmwareId": {**_maybe("OtaPackageId"), "description": "Left out, it is unassigned."},
            "softwareId": {**_maybe("OtaPackageId"), "description": "Left out, it is unassigned."},
            "additionalInfo": {},
            "deviceData": _OBJECT,
            "version": {**_COUNT, "description": "An older one is refused; none overwrites."},
        },
        ("name",),
    ),
    "DeviceProfile": _object(
        {
            "id": _ref("DeviceProfileId"),
            **_SAVED,
            "name": _NAME,
            "type": {"enum": ["DEFAULT"]},
            "transportType": {"enum": ["DEFAULT", "MQTT", "COAP", "LWM2M", "SNMP"]},
            "description": _TEXT,
            "provisionType": {"enum": [*_PROVISION_TYPES, None]},
            "provisionDeviceKey": _TEXT,
            "profileData": _object(
                {
                    "configuration": _object({"type": {"const": "DEFAULT"}}),
                    "transportConfiguration": {
                        **_OBJECT,
                        "description": "With MQTT: topics, payload type, error policy.",
                    },
                    "provisionConfiguration": {**_OBJECT, "description": "Its type and provisionDeviceSecret."},
                }
            ),
            "firmwareId": _maybe("OtaPackageId"),
            "softwareId": _maybe("OtaPackageId"),
            "default": _given({"type": "boolean"}),
            "version": _COUNT,
        },
        ("name", "type", "transportType", "profileData"),
    ),
    "DeviceProfileInfo": _object(
        {
            "id": _ref("DeviceProfileId"),
            "tenantId": _ref("TenantId"),
            "name": _NAME,
            "type": {"type": "string"},
            "transportType": {"type": "string"},
        },
        ("id", "name", "type", "transportType"),
    ),
    "DeviceCredentials": _object(
        {
            "id": {**_object({"id": {"type": "string", "format": "uuid"}}, ("id",)), "description": "Must be sent."},
            "createdTime": _given(_STAMP),
            "deviceId": _ref("DeviceId"),
            "credentialsType": {"enum": ["ACCESS_TOKEN", "MQTT_BASIC", "X509_CERTIFICATE"]},
            "credentialsId": {**_TEXT, "description": "The access token; computed for the other types."},
            "credentialsValue": {**_TEXT, "description": "MQTT_BASIC: JSON as a text. X509_CERTIFICATE: base64 DER."},
            "version": _COUNT,
        },
        ("id", "deviceId", "credentialsType"),
    ),
    "FirstCredentials": _object(
        {"credentialsType": {"type": "string"}, "credentialsId": _TEXT, "credentialsValue": _TEXT}, ("credentialsType",)
    ),
    "OtaPackageInfo": _object(
        {
            "id": _ref("OtaPackageId"),
            **_SAVED,
            "deviceProfileId": _maybe("DeviceProfileId"),
            "type": {"enum": ["FIRMWARE", "SOFTWARE"]},
            "title": _NAME,
            "version": _NAME,
            "tag": {**_TEXT, "maxLength": 255},
            "url": {**_TEXT, "maxLength": 255},
            "usesUrl": {"type": "boolean", "writeOnly": True},
            "hasData": _given({"type": "boolean"}),
            "fileName": _TEXT,
            "contentType": _TEXT,
            "checksumAlgorithm": _TEXT,
            "checksum": {**_TEXT, "maxLength": 1020},
            "dataSize": _COUNT,
            "additionalInfo": {},
        },
        ("title", "version", "type"),
    ),
    "AttributeData": _object(
        {"lastUpdateTs": _STAMP, "key": {"type": "string"}, "value": {}}, ("lastUpdateTs", "key", "value")
    ),
    "TimeSeries": {
        "type": "object",
        "additionalProperties": {
            "type": "array",
            "items": _object({"ts": _STAMP, "value": {}}, ("ts", "value")),
        },
    },
    "AttributeAnswer": _object({"shared": {"type": "object"}, "client": {"type": "object"}}),
    "AttributeUpdate": {"type": "object", "description": "Values by key, or the keys in `deleted`."},
    "ProvisionRequest": _object(
        {
            "deviceName": _TEXT,
            "provisionDeviceKey": {"type": "string"},
            "provisionDeviceSecret": {"type": "string"},
            "gateway": {"type": "boolean"},
            "credentialsType": {"enum": ["ACCESS_TOKEN", "MQTT_BASIC", "X509_CERTIFICATE"]},
            **{name: {"type": "string"} for name in ("token", "clientId", "username", "password", "hash")},
        },
        ("provisionDeviceKey", "provisionDeviceSecret"),
    ),
    "ProvisionAnswer": _object(
        {
            "status": {"enum": ["SUCCESS", "FAILURE", "NOT_FOUND"]},
            "credentialsType": {"type": "string"},
            "credentialsValue": {},
            "errorMsg": {"type": "string"},
        },
        ("status",),
    ),
}

Body = tuple[Json, object]
_PROFILE_ID: Json = {"entityType": "DEVICE_PROFILE", "id": _ID}
_PLAIN: Json = {"type": "DEFAULT"}
LOGIN = (_ref("LoginRequest"), {"username": "tenant@thingsboard.org", "password": "tenant"})
REFRESH = (_ref("RefreshRequest"), {"refreshToken": "eyJhbGciOiJIUzUxMiJ9…"})
DEVICE = (_ref("Device"), {"name": "pump-7", "deviceProfileId": _PROFILE_ID})
CREDENTIALS = (
    _ref("DeviceCredentials"),
    {
        "id": {"id": _ID},
        "deviceId": {"entityType": "DEVICE", "id": _ID},
        "credentialsType": "MQTT_BASIC",
        "credentialsValue": '{"clientId":"c1","userName":"u1","password":"…"}',
    },
)
WITH_CREDENTIALS = (
    _object({"device": _ref("Device"), "credentials": _ref("FirstCredentials")}, ("device", "credentials")),
    {"device": DEVICE[1], "credentials": {"credentialsType": "ACCESS_TOKEN", "credentialsId": "A1B2C3D4E5F6G7H8I9J0"}},
)
PROFILE = (
    _ref("DeviceProfile"),
    {
        "name": "pumps",
        "type": "DEFAULT",
        "transportType": "DEFAULT",
        "profileData": {"configuration": _PLAIN, "transportConfiguration": _PLAIN},
    },
)
PACKAGE = (
    _ref("OtaPackageInfo"),
    {"title": "pump", "version": "1.10", "type": "FIRMWARE", "deviceProfileId": _PROFILE_ID, "usesUrl": False},
)
ATTRIBUTES: Body = ({"type": "object", "minProperties": 1}, {"colour": "red", "limit": 5})
TELEMETRY: Body = (
    {"anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]},
    {"ts": 1_790_000_000_000, "values": {"fw_state": "UPDATED", "temperature": 21.5}},
)
PROVISION = (
    _ref("ProvisionRequest"),
    {"deviceName": "pump-8", "provisionDeviceKey": "key", "provisionDeviceSecret": "secret"},
)
"""What bodies of each route look like: schema and example."""
