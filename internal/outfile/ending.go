package outfile

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Content is a kind of output file. The ending of a name states its format.
type Content int

const (
	// Results are records.
	Results Content = iota
	// Capture is a file of packets.
	Capture
)

// formats are the endings of the names of files, and the formats that they stand for. A format that
// is written needs a line here.
var formats = map[Content][]struct{ ending, format string }{
	Results: {{"ndjson", NDJSON}, {"jsonl", NDJSON}, {"json", NDJSON}},
	Capture: {{"pcapng", Pcapng}, {"pcap", Pcapng}},
}

// Formats of output files. The first is the one of a name without an ending.
const (
	NDJSON = "NDJSON"
	Pcapng = "pcapng"
)

// EndingError means that the name of an output file ends as those of another format do. Name is the
// field of the configuration.
type EndingError struct {
	Name, Path string
	Ending     string   // with its dot
	Known      []string // endings that stand for a format, with their dots
}

// Error implements error.
func (e *EndingError) Error() string {
	known := slices.Clone(e.Known)
	last := len(known) - 1
	return fmt.Sprintf("%s: no format that is written here has the ending %s; use %s or %s, also with .gz or .zst, or no ending",
		e.Path, e.Ending, strings.Join(known[:last], ", "), known[last])
}

// FormatOf returns the format of an output file by the ending of its name, without that of a
// compression (see Packing). Upper and lower case are the same. A name without an ending has the
// default format, and so have -, devices and pipes by any name. The error is an *EndingError with
// the field name.
//
// An ending has letters and digits, and one letter at least: scan.2026-11-29 and v1.2 have none. So
// has a name that begins with its only dot.
func FormatOf(content Content, name, path string) (format string, err error) {
	known := formats[content]
	if path == "" || path == "-" || isStream(path) {
		return known[0].format, nil
	}
	base := filepath.Base(path)
	if packing := Packing(base); packing != "" {
		base = base[:len(base)-len(packing)-1]
	}
	ending := endingOf(base)
	if ending == "" {
		return known[0].format, nil
	}
	fault := &EndingError{Name: name, Path: path, Ending: "." + ending}
	for _, k := range known {
		if strings.EqualFold(k.ending, ending) {
			return k.format, nil
		}
		fault.Known = append(fault.Known, "."+k.ending)
	}
	return "", fault
}

// endingOf returns the ending of a name, without its dot; "" if it has none.
func endingOf(base string) string {
	i := strings.LastIndexByte(base, '.')
	if i <= 0 {
		return ""
	}
	ending, letters := base[i+1:], 0
	for _, r := range ending {
		switch {
		case 'a' <= r|0x20 && r|0x20 <= 'z':
			letters++
		case r < '0' || r > '9':
			return ""
		}
	}
	if letters == 0 {
		return ""
	}
	return ending
}

// isStream reports whether a path names a device, a pipe or a socket, or an open file of this
// process.
func isStream(path string) bool {
	if isOurs(path) {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && !info.Mode().IsRegular()
}
