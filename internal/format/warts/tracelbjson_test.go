package warts

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/scamper"
	"github.com/masstrace/masstrace/internal/record"
)

// Our JSON of a record is that of sc_warts2json of our warts, octet for octet.
func TestTracelbJSON(t *testing.T) {
	all := append(append([]record.Record{cycleStart()}, multipaths(t)...), cycleStop())
	theirs := tool(t, "sc_warts2json", saved(t, "ours.warts", written(t, all...)))
	var ours strings.Builder
	w := scamper.NewWriter(format.Output{Out: &ours})
	var err error
	for _, r := range all {
		err = errors.Join(err, w.Write(r))
	}
	if err = errors.Join(err, w.Flush()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(theirs, "\n"), strings.Split(ours.String(), "\n")); diff != "" {
		t.Errorf("(-sc_warts2json +ours):\n%.3000s", diff)
	}
}

// The JSON reads as the record that it was made of, but for silent routers on one of several
// links, which it has no place for.
func TestTracelbFromJSON(t *testing.T) {
	all := diamonds()
	var out bytes.Buffer
	w := scamper.NewWriter(format.Output{Out: &out})
	for _, r := range all {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	got, err := readAll(scamper.Format.NewReader(&out))
	if err != nil || len(got) != len(all) {
		t.Fatal(len(got), err)
	}
	for i := range all {
		want := all[i].(*record.Multipath)
		behind := slices.IndexFunc(want.Links, func(l record.Link) bool { return l.Near.IsZero() })
		want.Links = slices.Delete(want.Links, behind, behind+1)
		if diff := cmp.Diff(all[i], got[i]); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
