"""A verifier of logs in the layout of C2SP's tlog-tiles, written from the specifications alone (tlog-tiles, tlog-checkpoint,
signed-note, RFC 6962, RFC 8032) and without anything of bfl: `tlog.py LOG PUBLIC_KEY`.

The checkpoint's signature, every tile against the entries, the root; then proofs, made from tiles as a client would make them
and checked by the algorithms of RFC 9162: that an entry is in the log, and that one checkpoint is a beginning of another.
"""
import base64
import hashlib
import pathlib
import sys

WIDTH = 256


class Wrong(Exception):
    pass


def hold(condition, what):
    if not condition:
        raise Wrong(what)


# RFC 8032, section 5.1: Ed25519.
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)


def recover_x(y, sign):
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - x2) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


def point(bytes_):
    number = int.from_bytes(bytes_, "little")
    y = number & ((1 << 255) - 1)
    x = recover_x(y, number >> 255)
    return None if x is None else (x, y, 1, x * y % P)


def add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    i, j, k, m = f - e, h - g, h + g, f + e
    return (i * j % P, k * m % P, j * k % P, i * m % P)


def times(scalar, a):
    total = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = add(total, a)
        a, scalar = add(a, a), scalar >> 1
    return total


BASE_Y = 4 * pow(5, -1, P) % P
BASE = (recover_x(BASE_Y, 0), BASE_Y, 1, recover_x(BASE_Y, 0) * BASE_Y % P)


def signature_holds(key, message, signature):
    if len(key) != 32 or len(signature) != 64:
        return False
    a, r, s = point(key), point(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    left, right = times(s, BASE), add(r, times(challenge, a))
    return not ((left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P)


# signed-note and tlog-checkpoint.
def decoded(text):
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError as problem:
        raise Wrong(f"no base64: {text}") from problem
    if base64.b64encode(content).decode() != text:  # bits behind the last byte
        raise Wrong(f"no base64: {text}")
    return content


def read_key(text):
    name, number, content = text.split("+", 2)
    content = decoded(content)
    hold(content[:1] == b"\1" and len(content) == 33, "no Ed25519 key")
    hold(hashlib.sha256(name.encode() + b"\n" + content).digest()[:4].hex() == number, "the key's id is not that of its name and bytes")
    return name, bytes.fromhex(number), content[1:]


def read_checkpoint(note, key):
    """-> origin, size, root, when the key has signed it."""
    try:
        note = note.decode()
    except UnicodeDecodeError as problem:
        raise Wrong("the checkpoint is no UTF-8") from problem
    hold("\n\n" in note and note.endswith("\n"), "no signed note")
    hold(all(c == "\n" or c >= " " for c in note), "control characters in the note")
    text, signatures = note.rsplit("\n\n", 1)
    text += "\n"
    name, number, bytes_ = read_key(key)
    signed = False
    for line in signatures.splitlines():
        hold(line.startswith("\u2014 "), f"no signature line: {line}")
        signer, _, signature = line[2:].partition(" ")
        signature = decoded(signature)
        if signer == name and signature[:4] == number:
            hold(signature_holds(bytes_, text.encode(), signature[4:]), "the signature does not hold")
            signed = True
    hold(signed, f"{name} has not signed it")
    origin, size, root = text.split("\n")[:3]
    hold(size.isdigit() and str(int(size)) == size, "no size")
    return origin, int(size), decoded(root)


# RFC 6962, section 2.1.
def leaf(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def root_of(hashes):
    if not hashes:
        return hashlib.sha256().digest()
    while len(hashes) > 1:
        pairs = [node(hashes[i], hashes[i + 1]) for i in range(0, len(hashes) - 1, 2)]
        hashes = pairs + ([hashes[-1]] if len(hashes) % 2 else [])
    return hashes[0]


# tlog-tiles.
def path_of(index, width):
    parts = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        parts.insert(0, f"x{index % 1000:03}")
    return "/".join(parts) + (f".p/{width}" if width < WIDTH else "")


class Log:
    def __init__(self, folder, key):
        self.folder = pathlib.Path(folder)
        self.origin, self.size, self.root = read_checkpoint(self.read("checkpoint"), key)

    def read(self, path):
        try:
            return (self.folder / path).read_bytes()
        except OSError as problem:
            raise Wrong(f"{path}: {problem}") from problem

    def tiles(self, level):
        """The hashes of a level, by tile, for the size of the checkpoint."""
        count = self.size // WIDTH**level
        for index in range((count + WIDTH - 1) // WIDTH):
            width = min(WIDTH, count - index * WIDTH)
            content = self.read(f"tile/{level}/{path_of(index, width)}")
            hold(len(content) == 32 * width, f"tile {index} of level {level} has {len(content)} bytes")
            yield [content[32 * i:32 * i + 32] for i in range(width)]

    def entries(self):
        for index in range((self.size + WIDTH - 1) // WIDTH):
            width = min(WIDTH, self.size - index * WIDTH)
            content, at = self.read(f"tile/entries/{path_of(index, width)}"), 0
            for _ in range(width):
                length = int.from_bytes(content[at:at + 2], "big")
                hold(len(content) >= at + 2 + length, f"bundle {index} is cut off")
                yield content[at + 2:at + 2 + length]
                at += 2 + length
            hold(at == len(content), f"bundle {index} has more than its entries")

    def verify(self):
        """-> the entries, when everything fits."""
        entries = list(self.entries())
        level, above = 0, [leaf(entry) for entry in entries]
        while above:
            tiles = list(self.tiles(level))
            hold([hash_ for tile in tiles for hash_ in tile] == above, f"the tiles of level {level} are not what is below them")
            above = [root_of(tile) for tile in tiles if len(tile) == WIDTH]
            level += 1
        hold(root_of([leaf(entry) for entry in entries]) == self.root, "the root is not that of the checkpoint")
        return entries

    def hashes(self):
        return [hash_ for tile in self.tiles(0) for hash_ in tile]


# RFC 6962, sections 2.1.1 and 2.1.2: proofs, made.
def split(size):
    return 1 << ((size - 1).bit_length() - 1)


def inclusion(hashes, index):
    if len(hashes) == 1:
        return []
    k = split(len(hashes))
    if index < k:
        return inclusion(hashes[:k], index) + [root_of(hashes[k:])]
    return inclusion(hashes[k:], index - k) + [root_of(hashes[:k])]


def consistency(hashes, old, whole=True):
    if old == len(hashes):
        return [] if whole else [root_of(hashes)]
    k = split(len(hashes))
    if old <= k:
        return consistency(hashes[:k], old, whole) + [root_of(hashes[k:])]
    return consistency(hashes[k:], old - k, False) + [root_of(hashes[:k])]


# RFC 9162, sections 2.1.3.2 and 2.1.4.2: proofs, checked.
def included(hash_, index, size, proof, root):
    if index >= size:
        return False
    fn, sn, r = index, size - 1, hash_
    for p in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def consistent(old, old_root, size, root, proof):
    if old == size:
        return not proof and old_root == root
    if not 0 < old < size or not proof:
        return False
    path = list(proof) if old & (old - 1) else [old_root] + list(proof)
    fn, sn = old - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node(c, fr), node(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return fr == old_root and sr == root and sn == 0


if __name__ == "__main__":
    try:
        log = Log(sys.argv[1], sys.argv[2])
        print(f"{log.origin}: {len(log.verify())} entries hold")
    except Wrong as wrong:
        sys.exit(f"{wrong}")
