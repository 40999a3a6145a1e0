package pcapng

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// The number of interfaces of a section is limited, because each needs memory.
func TestInterfaceLimit(t *testing.T) {
	section := unhexed(t, "0a0d0d0a 1c000000 4d3c2b1a 01000000 ffffffffffffffff 1c000000")
	link := unhexed(t, "01000000 14000000 01000000 00000000 14000000")
	last := unhexed(t, "06000000 20000000 ffff0000 0000000000000000 00000000 00000000 20000000")
	most := slices.Concat(section, bytes.Repeat(link, maxLinks))
	frames, _, err := captured(bytes.NewReader(slices.Concat(most, last, most, last)))
	if len(frames) != 2 || err != io.EOF {
		t.Errorf("%d frames, %v; want 2 of the last interface", len(frames), err)
	}
	_, _, err = captured(bytes.NewReader(slices.Concat(most, link, last)))
	const want = "offset 1310748: a section with more than 65536 interfaces"
	if !errors.Is(err, ErrCapture) || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}

// A small compressed file that describes an unlimited number of interfaces needs little memory.
func TestInterfaceMemory(t *testing.T) {
	var file bytes.Buffer
	z, err := zstd.NewWriter(&file)
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) {
		if _, err := z.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	write(unhexed(t, "0a0d0d0a 1c000000 4d3c2b1a 01000000 ffffffffffffffff 1c000000"))
	links := bytes.Repeat(unhexed(t, "01000000 14000000 01000000 00000000 14000000"), 1<<16)
	for range 100 {
		write(links)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, _, err := captured(&file); !errors.Is(err, ErrCapture) {
		t.Errorf("%v, want ErrCapture", err)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
		t.Errorf("took %d octets of memory", took)
	}
}
