"""Secrets: in the OS keyring, the environment, a private file, or encrypted in the workspace.

The names of secrets are in `SECRET_NAMES`.
"""

from crmdeck.credentials.oskeyring import (
    KeyringSecrets,
    NoKeyringError,
    keyring_available,
    no_keyring,
)
from crmdeck.credentials.sealing import SecretsKeyError
from crmdeck.credentials.stores import (
    PUBLIC_NAMES,
    SECRET_NAMES,
    SECRETS_FILE,
    FileSecrets,
    MemorySecrets,
    SecretStore,
)
from crmdeck.credentials.vault import (
    ConnectionSecrets,
    Vault,
    environment_variable,
    remember_secrets,
    secrets_from_environment,
)

__all__ = [
    "PUBLIC_NAMES",
    "SECRETS_FILE",
    "SECRET_NAMES",
    "ConnectionSecrets",
    "FileSecrets",
    "KeyringSecrets",
    "MemorySecrets",
    "NoKeyringError",
    "SecretStore",
    "SecretsKeyError",
    "Vault",
    "environment_variable",
    "keyring_available",
    "no_keyring",
    "remember_secrets",
    "secrets_from_environment",
]
