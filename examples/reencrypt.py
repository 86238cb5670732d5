"""Opens each token with the old key and seals it with the new one, by openssl: AES-256-CBC, key by PBKDF2, base64."""
import json
import subprocess
import sys


def openssl(words, key, data):
    command = ["openssl", "enc", "-aes-256-cbc", "-pbkdf2", "-base64", "-A", "-pass", f"env:{key}", *words]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


for line in sys.stdin:
    asked = json.loads(line)
    plain = openssl(["-d"], "OLD_KEY", asked["takes"]["sealed"].encode())
    sealed = openssl(["-e"], "NEW_KEY", plain).decode()
    print(json.dumps({"row": asked["row"], "gives": {"renewed": sealed}}))
