package outfile

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Kind is a format of output files. The ending of a name states the format.
type Kind struct {
	Format  string
	Endings []string // with their dots; an ending may have several parts: .scamper.json
}

// Captures are the formats of files of packets.
var Captures = []Kind{{"pcapng", []string{".pcapng", ".pcap"}}}

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

// RefusedError means that an output cannot be made as it was asked for. Name is the field of the
// configuration.
type RefusedError struct {
	Name string
	Err  error
}

// Error implements error.
func (e *RefusedError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *RefusedError) Unwrap() error { return e.Err }

// FormatOf returns the format of an output file by the ending of its name, without that of a
// compression (see Packing). The longest ending of a kind decides. Upper and lower case are the
// same. A name without an ending has the format of the first kind, and so have - and the names of
// open files. Devices and pipes have it too, unless their names end as those of another kind. The
// error is an *EndingError with the field name.
//
// An ending has letters and digits, and one letter at least: scan.2026-11-29 and v1.2 have none. So
// has a name that begins with its only dot. A name may be an ending of several parts itself:
// interfaces.txt.
func FormatOf(kinds []Kind, name, path string) (format string, err error) {
	first := kinds[0].Format
	if path == "" || path == "-" || isOurs(path) {
		return first, nil
	}
	base := filepath.Base(path)
	if packing := Packing(base); packing != "" {
		base = base[:len(base)-len(packing)-1]
	}
	if format := longest(kinds, strings.ToLower(base)); format != "" {
		return format, nil
	}
	ending := endingOf(base)
	if ending == "" || isStream(path) {
		return first, nil
	}
	fault := &EndingError{Name: name, Path: path, Ending: "." + ending}
	for _, k := range kinds {
		fault.Known = append(fault.Known, k.Endings...)
	}
	return "", fault
}

// longest returns the format whose ending is the longest that base has, "" if it has none.
func longest(kinds []Kind, base string) (format string) {
	most := 0
	for _, k := range kinds {
		for _, ending := range k.Endings {
			has := strings.HasSuffix(base, ending) && len(base) > len(ending)
			if strings.Count(ending, ".") > 1 {
				has = strings.HasSuffix("."+base, ending)
			}
			if has && len(ending) > most {
				format, most = k.Format, len(ending)
			}
		}
	}
	return format
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

// isStream reports whether a path names a device, a pipe or a socket.
func isStream(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.Mode().IsRegular()
}
