"""A session with a PostgreSQL server through libpq itself: what the harness asks must not depend on bfl, nor start a process
each time."""
import ctypes

library = None
unheard = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)(lambda _, notice: None)
BYTEA, BOOL, INTEGERS, REALS = 17, 16, {20, 21, 23, 26, 28}, {700, 701}


class Refused(Exception):
    pass


def load():
    global library
    if library is None:
        library = ctypes.CDLL("libpq.so.5")
        for name in ("PQconnectdb", "PQexec", "PQgetResult"):
            getattr(library, name).restype = ctypes.c_void_p
        for name in ("PQgetvalue",):
            getattr(library, name).restype = ctypes.c_void_p
        for name in ("PQerrorMessage", "PQresultErrorMessage"):
            getattr(library, name).restype = ctypes.c_char_p
    return library


class Session:
    def __init__(self, url):
        self.pq = load()
        self.handle = ctypes.c_void_p(self.pq.PQconnectdb(url.encode()))
        if self.pq.PQstatus(self.handle) != 0:
            message = self.pq.PQerrorMessage(self.handle).decode()
            self.close()
            raise Refused(message)
        self.pq.PQsetNoticeProcessor(self.handle, unheard, None)

    def close(self):
        if self.handle:
            self.pq.PQfinish(self.handle)
        self.handle = None

    def sql(self, text):
        """Any number of statements; -> the rows of the last one."""
        result = ctypes.c_void_p(self.pq.PQexec(self.handle, text.encode()))
        try:
            if self.pq.PQresultStatus(result) not in (1, 2):  # PGRES_COMMAND_OK, PGRES_TUPLES_OK
                raise Refused(self.pq.PQresultErrorMessage(result).decode() or self.pq.PQerrorMessage(self.handle).decode())
            columns = range(self.pq.PQnfields(result))
            types = [self.pq.PQftype(result, column) for column in columns]
            return [tuple(self.value(result, row, column, types[column]) for column in columns) for row in range(self.pq.PQntuples(result))]
        finally:
            self.pq.PQclear(result)

    def texts(self, text):
        """Any number of statements, one transaction unless they say otherwise; -> the rows of all of them, as the server writes their
        values; None for NULL."""
        rows, refused = [], "" if self.pq.PQsendQuery(self.handle, text.encode()) else self.pq.PQerrorMessage(self.handle).decode()
        while address := self.pq.PQgetResult(self.handle):
            result = ctypes.c_void_p(address)
            if self.pq.PQresultStatus(result) not in (1, 2):
                refused = refused or self.pq.PQresultErrorMessage(result).decode()
            columns = range(self.pq.PQnfields(result))
            rows += [tuple(self.text(result, row, column) for column in columns) for row in range(self.pq.PQntuples(result))]
            self.pq.PQclear(result)
        if refused:
            raise Refused(refused)
        return rows

    def text(self, result, row, column):
        if self.pq.PQgetisnull(result, row, column):
            return None
        return ctypes.string_at(self.pq.PQgetvalue(result, row, column), self.pq.PQgetlength(result, row, column)).decode()

    def value(self, result, row, column, kind):
        text = self.text(result, row, column)
        if text is None:
            return None
        if kind in INTEGERS:
            return int(text)
        if kind == BYTEA:
            return bytes.fromhex(text[2:])
        if kind == BOOL:
            return int(text == "t")
        return float(text) if kind in REALS else text
