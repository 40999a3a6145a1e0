package target

import (
	"fmt"
	"slices"
	"strings"
)

// NameError means that an entry of a list without names is the name of a host, or a URL. Exclusions
// have no names: one may have many addresses, and another one tomorrow.
type NameError struct{ Name string }

// Error implements error.
func (e *NameError) Error() string {
	if strings.Contains(e.Name, "://") {
		return e.Name + " is a URL, and neither a file nor an address: give its host alone"
	}
	return e.Name + " is a name, and neither a file nor an address: resolve it first"
}

// Missing returns the error about an argument that is no entry, and not the name of a file that
// exists. notEntry is the fault of the entry. noFile is the error of opening the file. Missing
// returns noFile if the argument looks like a path.
func Missing(arg string, notEntry, noFile error) error {
	switch {
	case isName(arg):
		return &NameError{Name: arg}
	case strings.Trim(arg, "0123456789abcdefABCDEF:./-%[]") == "" && strings.ContainsAny(arg, "0123456789:"):
		return fmt.Errorf("%s is neither a file nor a target: %w", arg, notEntry)
	}
	return noFile
}

// IsName reports whether text looks like the name of a host, and not like a URL.
func IsName(text string) bool { return !strings.Contains(text, "://") && isName(text) }

// listEndings are endings of files that no top-level domain has, or that are more likely a file.
var listEndings = []string{"txt", "csv", "tsv", "list", "lst", "json", "jsonl", "ndjson", "gz", "zst", "xz", "log", "conf", "cfg", "dat", "tmp", "zip"}

// isName reports whether text looks like the name of a host. That is a URL, localhost, or labels
// with dots between them. The last label has letters alone (RFC 1123 §2.1).
func isName(text string) bool {
	if text == "localhost" || strings.Contains(text, "://") {
		return true
	}
	labels := strings.Split(strings.ToLower(strings.TrimSuffix(text, ".")), ".")
	for _, label := range labels {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	top := labels[len(labels)-1]
	return len(labels) > 1 && len(top) > 1 && strings.Trim(top, "abcdefghijklmnopqrstuvwxyz") == "" && !slices.Contains(listEndings, top)
}
