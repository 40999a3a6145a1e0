package talk

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
)

// A file is fetched whole, in any number of parts, which are asked for in any order. Answers that do
// not fit are errors, and so is one that fails.
func TestFetch(t *testing.T) {
	rng := effort.Rand(t)
	for range effort.Count(200, 5000) {
		file, chunk := make([]byte, rng.IntN(500)), 1+rng.IntN(100)
		for i := range file {
			file[i] = byte(rng.Uint32())
		}
		var under, most atomic.Int64
		ask := func(_ context.Context, q Get) ([]byte, int64, error) {
			if n := under.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer under.Add(-1)
			return file[q.Offset:min(int(q.Offset)+chunk, len(file))], int64(len(file)), nil
		}
		got, err := fetch(t.Context(), Get{}, ask)
		if err != nil || !bytes.Equal(got, file) {
			t.Fatalf("%d bytes in parts of %d: %d, %v", len(file), chunk, len(got), err)
		}
		if most.Load() > ahead {
			t.Fatalf("%d parts are asked for at a time", most.Load())
		}
		if len(file) <= chunk {
			continue
		}
		bad := int64(chunk * (1 + rng.IntN((len(file)-1)/chunk)))
		for name, wrong := range map[string]func(part []byte, size int64) ([]byte, int64, error){
			"fails":    func(part []byte, size int64) ([]byte, int64, error) { return nil, 0, errors.New("it fails") },
			"is short": func(part []byte, size int64) ([]byte, int64, error) { return part[1:], size, nil },
			"is long": func(part []byte, size int64) ([]byte, int64, error) {
				return append(part[:len(part):len(part)], 0), size, nil
			},
			"has changed": func(part []byte, size int64) ([]byte, int64, error) { return part, size + 1, nil },
		} {
			_, err := fetch(t.Context(), Get{}, func(ctx context.Context, q Get) ([]byte, int64, error) {
				part, size, err := ask(ctx, q)
				if q.Offset != bad {
					return part, size, err
				}
				return wrong(part, size)
			})
			if err == nil || errors.Is(err, context.Canceled) {
				t.Fatalf("a part that %s: %v", name, err)
			}
		}
	}
	for name, size := range map[string]int64{"long": mostFile + 1, "negative": -1, "empty": 5} {
		_, err := fetch(t.Context(), Get{}, func(context.Context, Get) ([]byte, int64, error) { return nil, size, nil })
		if err == nil || !strings.Contains(err.Error(), "the hub sends") {
			t.Errorf("a file that is %s: %v", name, err)
		}
	}
}
