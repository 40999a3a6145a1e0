package parquet

import (
	"bytes"
	"net/netip"
	"reflect"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/masstrace/masstrace/internal/record"
)

// sameEmpty compares records: empty lists are equal to none.
var sameEmpty = cmp.Options{cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Prefix{})}

func TestRoundTrip(t *testing.T) {
	list := samples()
	got, err := read(NewReader(iotest.HalfReader(bytes.NewReader(write(t, "", list)))))
	if diff := cmp.Diff(list, got, sameEmpty); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// Several row groups, and records that the writer has to sort.
func TestGroups(t *testing.T) {
	list := traces(4*groupRows/10/3, 10)
	mixed := append([]record.Record{}, list...)
	for i := 0; i+1 < len(mixed); i += 2 {
		mixed[i], mixed[i+1] = mixed[i+1], mixed[i]
	}
	got, err := read(NewReader(bytes.NewReader(write(t, "", mixed))))
	if err != nil || len(got) != len(list) {
		t.Fatalf("%d of %d traces, %v", len(got), len(list), err)
	}
	for i := range list {
		if reflect.DeepEqual(list[i], got[i]) {
			continue
		}
		if diff := cmp.Diff(list[i], got[i], sameEmpty); diff != "" {
			t.Fatalf("trace %d (-want +got):\n%s", i, diff)
		}
	}
}
