"""Sign-in at a provider that others wrote, which sends the email address by UserInfo only."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from .conftest import build, serving
from .identity_provider import CLIENT
from .test_oidc import SECRET, browser

PACKAGE = "oidc-provider@9.13.3"
SERVER = """
import Provider from 'oidc-provider';
const [port, secret] = process.argv.slice(2);
const claims = { email: 'olga@acme.example', email_verified: true, groups: ['readers'] };
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'CLIENT', client_secret: secret, token_endpoint_auth_method: 'client_secret_post',
    redirect_uris: ['http://127.0.0.1/api/auth/oidc/callback'],
  }],
  claims: { openid: ['sub'], email: ['email', 'email_verified', 'groups'] },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...claims }) }),
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
"""


@pytest.fixture
def issuer() -> Iterator[str]:
    """A provider on loopback; skips the test where it can't be installed."""
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("no npm")
    folder = Path(tempfile.gettempdir()) / f"crmdeck-{PACKAGE}"
    if not (folder / "node_modules").exists():
        folder.mkdir(exist_ok=True)
        install = ["npm", "install", PACKAGE, "--no-audit", "--no-fund", "--prefix", str(folder)]
        try:
            subprocess.run(install, capture_output=True, check=True, timeout=90)
        except (subprocess.SubprocessError, OSError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            pytest.skip(f"{PACKAGE} can't be installed: {type(error).__name__}")
    script = folder / "server.mjs"
    script.write_text(SERVER.replace("CLIENT", CLIENT))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with running(["node", str(script), str(port), SECRET]):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def running(command: list[str]) -> Iterator[None]:
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield
    finally:
        process.kill()
        process.communicate()


def sign_in_there(url: str) -> str:
    """Fill in the provider's forms; return the address that the browser is sent back to."""
    with httpx.Client(timeout=60) as client:
        forms = [{"prompt": "login", "login": "u-1", "password": "x"}, {"prompt": "consent"}]
        response = client.get(url)
        while True:
            while response.is_redirect:
                url = urljoin(str(response.url), response.headers["location"])
                if urlsplit(url).path == "/api/auth/oidc/callback":
                    return url
                response = client.get(url)
            action = re.search(r'action="([^"]+)"', response.text)
            assert action is not None, response.text
            response = client.post(urljoin(str(response.url), action[1]), data=forms.pop(0))


def test_provider_with_email_by_user_info_only_signs_in(
    issuer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRMDECK_OIDC_CLIENT_SECRET", SECRET)
    home = tmp_path / "home"
    home.mkdir()
    (home / "settings.toml").write_text(
        f'oidc_issuer = "{issuer}"\noidc_client_id = "{CLIENT}"\noidc_scope = "openid email"\n'
        '[oidc_groups]\nreaders = "acme:viewer"\n'
    )
    house = build(home, tmp_path / "export")
    with serving(house.app) as url:
        house.url = url
        with browser(house) as client:
            begun = client.get("/auth/oidc/sign-in").headers["location"]
            query = urlsplit(sign_in_there(begun)).query
            page = client.get(f"/auth/oidc/callback?{query}")
            assert (page.status_code, "olga@acme.example" in page.text) == (200, True), page.text
            view = client.get("/auth/session").json()
            assert view["user"] == {"email": "olga@acme.example", "role": "viewer"}
