"""An issuer on loopback: it publishes its keys over HTTP, as discovery says, and makes tokens."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

AUDIENCE = "https://relay.example"


class Issuer:
    """Keys come and go; what is asked for is counted."""

    def __init__(self) -> None:
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.asked: list[str] = []
        outer = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                octets = outer.document(self.path)
                self.send_response(200 if octets else 404)
                self.send_header("Content-Length", str(len(octets)))
                self.end_headers()
                self.wfile.write(octets)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.name = f"http://127.0.0.1:{self._server.server_port}/shop"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.make_key("one")

    def make_key(self, kid: str) -> None:
        """One more key."""
        self.keys[kid] = rsa.generate_private_key(65537, 2048)

    def document(self, path: str) -> bytes:
        """What it publishes."""
        if path == "/shop/.well-known/openid-configuration":
            return json.dumps({"issuer": self.name, "jwks_uri": self.name + "/keys"}).encode()
        if path != "/shop/keys":
            return b""
        keys = [
            json.loads(RSAAlgorithm.to_jwk(key.public_key())) | {"kid": kid, "use": "sig"}
            for kid, key in list(self.keys.items())
        ]
        return json.dumps({"keys": keys}).encode()

    def token(self, now: float, kid: str = "one", **changed: Any) -> str:
        """A good token, but for what is changed."""
        said = {"iss": self.name, "aud": AUDIENCE, "exp": now + 3600, "nbf": now, "iat": now, "azp": "robot"}
        return jwt.encode(said | changed, self.keys[kid], "RS256", {"kid": kid})

    def close(self) -> None:
        """Gone."""
        self._server.shutdown()
        self._server.server_close()
