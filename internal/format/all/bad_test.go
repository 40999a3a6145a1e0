package all

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/record"
)

// mostAllocated is how much memory a file of some kB may cost, in bytes, freed memory included.
const mostAllocated = 64 << 20

// place is how errors name the place of a fault.
var place = regexp.MustCompile(`(line|byte|row group) \d+|column \w+`)

// readBad reads a file that may have faults. It returns the records, the faults of lines, and the
// error that ended the file.
func readBad(t *testing.T, text string) (records []record.Record, faults []error, err error) {
	t.Helper()
	f, err := New(strings.NewReader(text))
	if err != nil {
		return nil, nil, err
	}
	for range len(text) + 100 {
		r, err := f.Read()
		switch _, isLine := errors.AsType[*format.LineError](err); {
		case isLine:
			faults = append(faults, err)
		case err != nil:
			if _, again := f.Read(); again == nil || again.Error() != err.Error() {
				t.Fatalf("%v, and then %v", err, again)
			}
			return records, faults, err
		default:
			records = append(records, r)
		}
	}
	t.Fatalf("no end after %d records and %d faults", len(records), len(faults))
	return nil, nil, nil
}

// named reports whether an error has a place, or is one of those that need none.
func named(err error) bool {
	return err == io.EOF || errors.Is(err, format.ErrCut) || errors.Is(err, format.ErrUnknown) || place.MatchString(err.Error())
}

// A file that is cut anywhere gives the records before, and an error with its place. So does a file
// with wrong bits, whatever it claims, with little memory.
func TestBad(t *testing.T) {
	rng := rand.New(rand.NewPCG(effort.Seed(t), 7))
	for name, text := range samplesOf(t) {
		t.Run(name, func(t *testing.T) {
			whole, faults, err := readBad(t, text)
			if err != io.EOF || faults != nil || len(whole) == 0 {
				t.Fatalf("%d records, %v, %v", len(whole), faults, err)
			}
			for n := 0; n < len(text); n += max(1, len(text)/300) {
				got, faults, err := readBad(t, text[:n])
				if len(faults) > 1 || len(got) > len(whole) || !named(err) {
					t.Fatalf("%d of %d bytes: %d records, %v, %v", n, len(text), len(got), faults, err)
				}
				for i := range len(got) - 1 { // the last may be a part of a path
					if !reflect.DeepEqual(got[i], whole[i]) {
						t.Fatalf("%d of %d bytes: record %d is %+v, not %+v", n, len(text), i, got[i], whole[i])
					}
				}
			}
			flipBits(t, rng, text)
		})
	}
}

// flipBits reads a file with wrong bits, many times.
func flipBits(t *testing.T, rng *rand.Rand, text string) {
	t.Helper()
	var before, after runtime.MemStats
	for range effort.Count(200, 30_000) {
		bad := bytes.Clone([]byte(text))
		for range 1 + rng.IntN(8) {
			bad[rng.IntN(len(bad))] ^= 1 << rng.IntN(8)
		}
		runtime.ReadMemStats(&before)
		records, faults, err := readBad(t, string(bad))
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > mostAllocated {
			t.Fatalf("%d bytes were allocated: %d records, %v: %.200q", n, len(records), err, bad)
		}
		if !named(err) {
			t.Fatalf("an error without a place: %v", err)
		}
		for _, fault := range faults {
			if !named(fault) {
				t.Fatalf("a fault without a place: %v", fault)
			}
		}
	}
}
