package parquet

import (
	"encoding/json"
	"fmt"

	"github.com/masstrace/masstrace/internal/record"
)

// The keys of the metadata of a file, beside the types of records.
const (
	keySchema = "schema"
	keyTable  = "table"

	keyCycleStart = "cycle-start"
	keyRun        = "run"
	keyResume     = "resume" // a list
	keySummary    = "summary"
	keyCycleStop  = "cycle-stop"
)

// mostMeta is the most memory of other records in a file, in bytes. A merge of many shards is
// far below.
const mostMeta = 8 << 20

// cycle is the JSON of a cycle record, as in NDJSON.
type cycle struct {
	ListName  string `json:"list_name"`
	ID        int    `json:"id"`
	Hostname  string `json:"hostname"`
	StartTime int64  `json:"start_time,omitempty"`
	StopTime  int64  `json:"stop_time,omitempty"`
}

// meta are the records of a file beside its rows, as JSON by key.
type meta struct {
	runID, hostname string
	text            map[string]string
	resumes         []json.RawMessage
	size            int
}

// add keeps a record. A second run or summary replaces the first.
func (m *meta) add(r record.Record) error {
	key, content := "", any(r)
	switch r := r.(type) {
	case *record.CycleStart:
		key = keyCycleStart
		content = cycle{ListName: r.ListName, ID: r.ID, Hostname: r.Hostname, StartTime: r.Time}
	case *record.CycleStop:
		key = keyCycleStop
		content = cycle{ListName: r.ListName, ID: r.ID, Hostname: r.Hostname, StopTime: r.Time}
	case *record.Run:
		key, m.runID = keyRun, r.Run
	case *record.Summary:
		key = keySummary
	case *record.Resume:
		key = keyResume
	default:
		return nil
	}
	text, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("encode %s: %w", key, err)
	}
	if key != keyResume {
		m.size -= len(m.text[key])
	}
	if m.size += len(text); m.size > mostMeta {
		return fmt.Errorf("the records beside the traces have more than %d bytes", mostMeta)
	}
	if key == keyResume {
		m.resumes = append(m.resumes, text)
		return nil
	}
	if m.text == nil {
		m.text = map[string]string{}
	}
	m.text[key] = string(text)
	return nil
}

// pairs returns the metadata of a file.
func (m *meta) pairs(table string) [][2]string {
	pairs := [][2]string{{keySchema, schema}, {keyTable, table}}
	for _, key := range []string{keyCycleStart, keyRun, keySummary, keyCycleStop} {
		if text, ok := m.text[key]; ok {
			pairs = append(pairs, [2]string{key, text})
		}
	}
	if len(m.resumes) > 0 {
		if text, err := json.Marshal(m.resumes); err == nil { // which it is: they are JSON
			pairs = append(pairs, [2]string{keyResume, string(text)})
		}
	}
	return pairs
}

// records returns the records before and after the traces of a file with these metadata.
func records(pairs map[string]string) (before, after []record.Record, err error) {
	if v := pairs[keySchema]; v != "" && v != schema {
		return nil, nil, fmt.Errorf("schema %.20q is not known: this version reads schema %s", v, schema)
	}
	if v := pairs[keyTable]; v != "" && v != tableHops {
		return nil, nil, fmt.Errorf("a file of table %.20q has no traces that can be read back: only table hops does", v)
	}
	decode := func(key string, to any) bool {
		text, ok := pairs[key]
		if ok && err == nil {
			if err = json.Unmarshal([]byte(text), to); err != nil {
				err = fmt.Errorf("metadata %s: %w", key, err)
			}
		}
		return ok
	}
	var start, stop cycle
	if decode(keyCycleStart, &start) {
		before = append(before, &record.CycleStart{Cycle: start.cycle(start.StartTime)})
	}
	if run := new(record.Run); decode(keyRun, run) {
		before = append(before, run)
	}
	var resumes []*record.Resume
	decode(keyResume, &resumes)
	for _, r := range resumes {
		if r != nil {
			before = append(before, r)
		}
	}
	if summary := new(record.Summary); decode(keySummary, summary) {
		after = append(after, summary)
	}
	if decode(keyCycleStop, &stop) {
		after = append(after, &record.CycleStop{Cycle: stop.cycle(stop.StopTime)})
	}
	return before, after, err
}

func (c *cycle) cycle(time int64) record.Cycle {
	return record.Cycle{ListName: c.ListName, ID: c.ID, Hostname: c.Hostname, Time: time}
}
