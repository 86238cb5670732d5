// libpq, loaded when the first PostgreSQL source is opened: linking it would cost every run on SQLite milliseconds.
#pragma once
#include <libpq-fe.h>

#include "interpreter/base/result.h"

namespace bfl::connect::postgres {

// The calls that the connector makes, by their names in libpq.
#define BFL_LIBPQ(X)                                                                                                              \
  X(PQconnectdbParams) X(PQfinish) X(PQstatus) X(PQerrorMessage) X(PQconninfo) X(PQconninfoParse) X(PQconndefaults) X(PQconninfoFree) X(PQfreemem) X(PQexec)      \
  X(PQexecParams) X(PQsendQueryParams) X(PQsendPrepare) X(PQsendQueryPrepared) X(PQgetResult) X(PQenterPipelineMode) X(PQexitPipelineMode) X(PQpipelineSync) \
  X(PQresultStatus) X(PQresultErrorField) X(PQresultErrorMessage) X(PQclear) X(PQntuples) X(PQnfields) X(PQftype) X(PQgetvalue)   \
  X(PQgetlength) X(PQgetisnull) X(PQcmdTuples) X(PQcmdStatus) X(PQgetCancel) X(PQfreeCancel) X(PQcancel) X(PQserverVersion)       \
  X(PQfname) X(PQfmod) X(PQparameterStatus) X(PQtransactionStatus) X(PQsetNoticeProcessor) X(PQbackendPID)       \
  X(PQconnectStartParams) X(PQconnectPoll) X(PQsetErrorVerbosity) X(PQsocket)

struct Library {
#define BFL_MEMBER(name) decltype(&::name) name = nullptr;
  BFL_LIBPQ(BFL_MEMBER)
#undef BFL_MEMBER
};

// Loaded once for the process; an error of class fatal when it is not installed.
Result<const Library*> library();

}  // namespace bfl::connect::postgres
