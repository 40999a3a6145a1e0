// Package ndjson writes records as masstrace writes them, one JSON object a line
// (NDJSON), and reads them again.
//
// A file starts with a cycle-start and a run record. Data records follow: trace and
// trace-ext, multipath, reply, or all of them. It ends with summary and cycle-stop. A trace record is
// a strict subset of scamper's JSON, so that tools for scamper read the file as it is.
// Everything else is inside its hops and in the trace-ext record, which follows it.
// docs/records.md describes every field.
//
// The records that come by the million are appended by hand and allocate
// nothing; the others go through encoding/json.
package ndjson

// Schema is the version of the records: the number before the point grows when
// a field goes or changes its meaning.
const Schema = "1"

// The types of records.
const (
	TypeCycleStart = "cycle-start"
	TypeCycleStop  = "cycle-stop"
	TypeRun        = "run"
	TypeSummary    = "summary"
	TypeTrace      = "trace"
	TypeTraceExt   = "trace-ext"
	TypeMultipath  = "multipath"
	TypeReply      = "reply"
	TypeChange     = "change"
	TypeResume     = "resume"
	TypeFollowed   = "follow-summary"
)

var types = [...]string{TypeTrace, TypeTraceExt, TypeMultipath, TypeReply, TypeChange, TypeFollowed, TypeRun, TypeResume, TypeSummary, TypeCycleStart, TypeCycleStop}
