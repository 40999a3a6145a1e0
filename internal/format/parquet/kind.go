package parquet

import (
	"errors"
	"io"
	"strings"
)

// errNoTable means that a file has none of the tables.
var errNoTable = errors.New("its columns are those of no table of masstrace")

// Table returns the name of the table that a file has. Another program may have written the file:
// then the columns decide.
func Table(in io.ReaderAt, size int64) (string, error) {
	f, err := readFooter(in, size)
	if err != nil {
		return "", err
	}
	if table := f.meta[keyTable]; table != "" {
		return table, nil
	}
	has := map[string]bool{}
	for _, l := range f.leaves {
		name, _, _ := strings.Cut(l.path, ".")
		has[name] = true
	}
	for _, kind := range []struct{ table, column string }{
		{"hops", "probe_ttl"}, {"links", "near"}, {"replies", "probe_dst_addr"}, {"traces", "stop_reason"},
	} {
		if has[kind.column] {
			return kind.table, nil
		}
	}
	return "", errNoTable
}
