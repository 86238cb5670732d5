"""Packs of the ledger, read by the description in interpreter/ledger/pack.h and columns.h and by nothing of bfl's: what the
harness finds in them is a second opinion on what was written, its hashes included."""
import ctypes
import ctypes.util
import hashlib
import struct

zstd = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
zstd.ZSTD_createDStream.restype = ctypes.c_void_p
zstd.ZSTD_decompressStream.restype = ctypes.c_size_t
zstd.ZSTD_decompressStream.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
zstd.ZSTD_freeDStream.argtypes = [ctypes.c_void_p]
NULL, INTEGER, REAL, TEXT, BLOB, CENTS = range(6)


class Broken(Exception):
    pass


class Buffer(ctypes.Structure):
    _fields_ = [("at", ctypes.c_void_p), ("size", ctypes.c_size_t), ("used", ctypes.c_size_t)]


def decompressed(frame):
    stream = zstd.ZSTD_createDStream()
    source = ctypes.create_string_buffer(frame, len(frame))
    room = ctypes.create_string_buffer(1 << 17)
    given, whole = Buffer(ctypes.addressof(source), len(frame), 0), b""
    try:
        while True:
            to = Buffer(ctypes.addressof(room), len(room), 0)
            left = zstd.ZSTD_decompressStream(stream, ctypes.byref(to), ctypes.byref(given))
            if zstd.ZSTD_isError(ctypes.c_size_t(left)):
                raise Broken("a frame cannot be decompressed")
            whole += room.raw[:to.used]
            if left == 0:
                return whole
            if to.used == 0 and given.used == given.size:
                raise Broken("a frame is cut off")
    finally:
        zstd.ZSTD_freeDStream(stream)


class Reader:
    def __init__(self, text):
        self.text, self.at = text, 0

    def bytes(self, count):
        if self.at + count > len(self.text):
            raise Broken("a text is cut off")
        self.at += count
        return self.text[self.at - count:self.at]

    def varint(self):
        number = shift = 0
        while True:
            byte = self.bytes(1)[0]
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7

    def lengthy(self):
        return self.bytes(self.varint())

    def done(self):
        return self.at == len(self.text)


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def unzigzag(number):
    return (number >> 1) ^ -(number & 1)


def signed(number):
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)


def encoded(kind, value):
    """A value as a record holds it."""
    if kind == NULL:
        return bytes([kind])
    if kind == INTEGER:
        return bytes([kind]) + varint((value << 1) % (1 << 64) ^ (value >> 63) % (1 << 64))
    if kind == REAL:
        return bytes([kind]) + struct.pack("<d", value)
    raw = value.encode() if kind == TEXT else value
    return bytes([kind]) + varint(len(raw)) + raw


class Stream:
    """One column of a block, before or after the change."""

    def __init__(self, classes, content):
        self.classes, self.content = Reader(classes), Reader(content)
        self.run = self.previous = 0
        self.kind = NULL

    def next(self, base):
        if self.run == 0:
            self.kind, self.run = self.classes.bytes(1)[0], self.classes.varint()
        self.run -= 1
        if self.kind in (INTEGER, CENTS):
            self.previous = signed(unzigzag(self.content.varint()) + (self.previous if base is None else base))
            return (INTEGER, self.previous, self.previous) if self.kind == INTEGER else (REAL, self.previous / 100.0, self.previous)
        if self.kind == REAL:
            return REAL, struct.unpack("<d", self.content.bytes(8))[0], None
        if self.kind in (TEXT, BLOB):
            raw = self.content.lengthy()
            return self.kind, raw.decode() if self.kind == TEXT else raw, None
        if self.kind != NULL:
            raise Broken(f"a value of class {self.kind}")
        return NULL, None, None


class Record:
    """kind, table ('' is the step's own), values before, {column: value after}, reason."""

    def __init__(self, head, streams):
        reader = Reader(head)
        self.kind, self.table = reader.bytes(1).decode(), reader.lengthy().decode()
        reader.varint()  # depth
        numbers, self.before, self.after = [], [], {}
        count = reader.varint()
        text = head[:reader.at]
        for column in range(count):
            kind, value, number = streams[2 * column].next(None)
            self.before.append(value)
            numbers.append(number)
            text += encoded(kind, value)
        at = reader.at
        count = reader.varint()
        for _ in range(count):
            column = reader.varint()
            text += head[at:reader.at]
            at = reader.at
            kind, value, _ = streams[2 * column + 1].next(numbers[column] if column < len(numbers) else None)
            self.after[column] = value
            text += encoded(kind, value)
        self.reason = reader.lengthy().decode()
        self.text = text + head[at:]
        if not reader.done():
            raise Broken("a head is too long")


def records_of_block(block):
    reader = Reader(block)
    count = reader.varint()
    heads = Reader(reader.lengthy())
    streams = {}
    for _ in range(reader.varint()):
        number = reader.varint()
        streams[number] = Stream(reader.lengthy(), reader.lengthy())
    run, head = 0, b""
    for _ in range(count):
        if run == 0:
            run, head = heads.varint(), heads.lengthy()
        run -= 1
        yield Record(head, streams)


def merkle_root(leaves):
    """RFC 6962."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return hashlib.sha256(b"\1" + merkle_root(leaves[:half]) + merkle_root(leaves[half:])).digest()


def read_pack(pack, root):
    """The records of a pack, which must give `root`."""
    records, leaves = [], []
    if pack:
        if pack[:4] != b"BFP1":
            raise Broken("a pack does not begin as one")
        seed, blocks = pack[4:36], Reader(decompressed(pack[36:]))
        while not blocks.done():
            for record in records_of_block(blocks.lengthy()):
                salt = hashlib.sha256(seed + struct.pack("<Q", len(leaves))).digest()[:16]
                leaves.append(salt + record.text)
                records.append(record)
    if merkle_root(leaves) != root:
        raise Broken("the rows of a pack do not give its root")
    return records
