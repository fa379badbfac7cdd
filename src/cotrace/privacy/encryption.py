"""Encryption at rest: Parquet modular encryption, with the keys in the caller's key management service (KMS)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cotrace.errors import CotraceTypeError, OptionError, PrivacyError

if TYPE_CHECKING:
    import pyarrow.parquet.encryption as pe

__all__ = ["Encryption"]

_KEY_BITS = 256


class Encryption:
    """How files of a store are encrypted: each with data keys of its own, which the KMS wraps with a master key.

    All columns, statistics and the footer are encrypted and authenticated (AES-GCM, 256 bits): a file of another key,
    or with a changed bit, does not read. The KMS is asked to wrap and unwrap small keys only; it never sees data.

    Parameters
    ----------
    kms : pyarrow.parquet.encryption.KmsClient, or callable
        The caller's client, or a function that makes one of a ``KmsConnectionConfig``.
    key : str
        What the KMS calls the master key.
    connection : pyarrow.parquet.encryption.KmsConnectionConfig, optional
        Where the KMS is, and the token for it.
    cache : timedelta
        How long unwrapped keys are kept: so long a key that was revoked can still be used by this process.

    Examples
    --------
    >>> import base64, pyarrow.parquet.encryption as pe
    >>> class Vault(pe.KmsClient):  # an example that hides nothing: a real client asks a KMS
    ...     def wrap_key(self, key_bytes, master_key_identifier):
    ...         return base64.b64encode(key_bytes)
    ...     def unwrap_key(self, wrapped_key, master_key_identifier):
    ...         return base64.b64decode(wrapped_key)
    >>> import io, pyarrow as pa, pyarrow.parquet as pq
    >>> hidden, file = Encryption(Vault(), key="pings"), io.BytesIO()
    >>> pq.write_table(pa.table({"device": [7]}), file, encryption_properties=hidden.encrypting())
    >>> pq.read_table(file, decryption_properties=hidden.decrypting())["device"].to_pylist()
    [7]
    """

    def __init__(
        self,
        kms: pe.KmsClient | Callable[[pe.KmsConnectionConfig], pe.KmsClient],
        key: str,
        *,
        connection: pe.KmsConnectionConfig | None = None,
        cache: timedelta = timedelta(minutes=10),
    ) -> None:
        import pyarrow.parquet.encryption as pe

        if not isinstance(key, str) or not key:
            raise OptionError("key= says nothing: name the master key as the KMS calls it")
        if not isinstance(kms, pe.KmsClient) and not callable(kms):
            raise CotraceTypeError(
                f"kms= is a {type(kms).__name__}: give a pyarrow.parquet.encryption.KmsClient, or a function that "
                "makes one"
            )
        self.key = key
        self._cache = cache
        self._connection = connection or pe.KmsConnectionConfig()
        made: Callable[[Any], Any] = (lambda _: kms) if isinstance(kms, pe.KmsClient) else kms
        # properties point into the factory: it has to live as long as the files that are open
        self._factory = pe.CryptoFactory(made)

    def encrypting(self) -> Any:
        """Return properties for writing one file (``pq.write_table(encryption_properties=)``).

        Raises
        ------
        PrivacyError
            The KMS cannot be asked, or refuses.
        """
        import pyarrow.parquet.encryption as pe

        try:
            how = pe.EncryptionConfiguration(
                footer_key=self.key,
                uniform_encryption=True,
                cache_lifetime=self._cache,
                data_key_length_bits=_KEY_BITS,
            )
        except TypeError:
            raise PrivacyError("this pyarrow cannot encrypt whole files: install a newer one") from None
        try:
            return self._factory.file_encryption_properties(self._connection, how)
        except Exception as error:  # whatever the caller's client raises may quote keys
            raise PrivacyError(f"the KMS gave no key to encrypt with ({type(error).__name__})") from None

    def decrypting(self) -> Any:
        """Return properties for reading one file (``pq.ParquetFile(decryption_properties=)``).

        The KMS is asked when the file is opened.
        """
        import pyarrow.parquet.encryption as pe

        return self._factory.file_decryption_properties(
            self._connection, pe.DecryptionConfiguration(cache_lifetime=self._cache)
        )

    def __repr__(self) -> str:
        return f"<Encryption with the master key {self.key!r}>"
