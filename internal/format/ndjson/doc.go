// Package ndjson writes what masstrace learned as records, one JSON object a
// line (NDJSON), and reads such files again.
//
// A file starts with a cycle-start and a run record, goes on with data records
// (trace and trace-ext, reply, or all of them), and ends with summary and
// cycle-stop. A trace record is a strict subset of scamper's JSON, so that
// tools made for that read the file as it is; what else there is to say stands
// inside its hops and in trace-ext. docs/records.md describes every field.
//
// The records that come by the million are appended by hand and allocate
// nothing; the others go through encoding/json.
package ndjson
