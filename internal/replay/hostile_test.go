package replay

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/record"
)

// mostAllocated is the most memory that the replay of a small capture may allocate, in octets.
const mostAllocated = 256 << 20

// hangs is a time after which a replay has surely hung.
const hangs = time.Minute

// ownCapture is a capture of a scan in parts that a fuzzer changes: the parameters in its section
// header, its notes, and the blocks between.
type ownCapture struct {
	params map[string]any
	blocks [][]byte // a note is JSON; other blocks begin with their type
	key    []byte
}

// readOwn takes a capture of the repository apart.
func readOwn(t testing.TB, path string) *ownCapture {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(path + ".key")
	if err != nil {
		t.Fatal(err)
	}
	c := &ownCapture{key: key}
	for len(b) > 0 {
		n := binary.LittleEndian.Uint32(b[4:])
		block := b[:n]
		b = b[n:]
		switch binary.LittleEndian.Uint32(block) {
		case 0x0a0d0d0a:
			size := binary.LittleEndian.Uint16(block[26:])
			if err := json.Unmarshal(block[28:28+size], &c.params); err != nil {
				t.Fatal(err)
			}
		case 5:
			size := binary.LittleEndian.Uint16(block[22:])
			c.blocks = append(c.blocks, block[24:24+size])
		default:
			c.blocks = append(c.blocks, block)
		}
	}
	return c
}

// write puts the capture together again.
func (c *ownCapture) write(t testing.TB, params []byte, blocks [][]byte) string {
	t.Helper()
	option := func(text []byte) []byte {
		b := binary.LittleEndian.AppendUint16([]byte{1, 0}, uint16(len(text)))
		b = append(append(b, text...), make([]byte, -len(text)&3)...)
		return append(b, 0, 0, 0, 0)
	}
	block := func(kind uint32, body []byte) []byte {
		n := uint32(len(body) + 12)
		b := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, kind), n)
		return binary.LittleEndian.AppendUint32(append(b, body...), n)
	}
	head := append([]byte{0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0}, bytes.Repeat([]byte{0xff}, 8)...)
	file := block(0x0a0d0d0a, append(head, option(params[:min(len(params), 0xffff)])...))
	for _, b := range blocks {
		if len(b) > 0 && b[0] == '{' {
			b = block(5, append(make([]byte, 12), option(b[:min(len(b), 0xffff)])...))
		}
		file = append(file, b...)
	}
	path := filepath.Join(t.TempDir(), "own.pcapng")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".key", c.key, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// replayHostile replays a capture, and fails if that panics, hangs, or allocates too much.
func replayHostile(t *testing.T, path string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := Run(ctx, Config{Files: []string{path}, Stdin: strings.NewReader(""), Output: "-", Stdout: io.Discard, Records: record.Both})
	runtime.ReadMemStats(&after)
	if ctx.Err() != nil {
		t.Fatal("the replay did not end")
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > mostAllocated {
		t.Fatalf("%d octets allocated", n)
	}
	return err
}

const udpCapture = "../../testdata/captures/scans/udp.pcapng"

// The capture of the repository is replayed when it is put together again. So the tests below
// change nothing else by accident.
func TestOwnCapture(t *testing.T) {
	c := readOwn(t, udpCapture)
	params, err := json.Marshal(c.params)
	if err != nil {
		t.Fatal(err)
	}
	if err := replayHostile(t, c.write(t, params, c.blocks)); err != nil {
		t.Error(err)
	}
}

// FuzzOwnCapture changes one parameter of a capture of ours, or one field of its notes. It also
// repeats or leaves out a block. A replay stays within its memory and time.
func FuzzOwnCapture(f *testing.F) {
	c := readOwn(f, udpCapture)
	for _, value := range []string{"0", "-1", "1", "2147483647", "4611686018427387904", "18446744073709551615", "1e300", `""`, `"x"`, "[]", "{}", "null"} {
		for field := range uint8(60) {
			f.Add(field, value, uint16(field), uint8(field%3))
		}
	}
	f.Fuzz(func(t *testing.T, field uint8, value string, at uint16, edit uint8) {
		params, blocks := changed(c, int(field), value)
		if n := int(at) % len(blocks); edit%3 == 1 {
			blocks = slices.Insert(blocks, n, slices.Repeat(blocks[n:n+1], 3)...)
		} else if edit%3 == 2 {
			blocks = slices.Delete(blocks, n, n+1)
		}
		_ = replayHostile(t, c.write(t, params, blocks)) // most are refused
	})
}

// changed returns the parameters and the blocks with one field changed. The number of the field
// selects a parameter, a size of the windows, or a field of a note. value is JSON, or becomes a
// string.
func changed(c *ownCapture, field int, value string) (params []byte, blocks [][]byte) {
	if !json.Valid([]byte(value)) {
		text, _ := json.Marshal(value) // of a string: it cannot fail
		value = string(text)
	}
	blocks = slices.Clone(c.blocks)
	params, _ = json.Marshal(c.params) // it was unmarshalled: this cannot fail
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range c.params {
			if !yield(name) {
				return
			}
		}
	})
	shape := []string{"Targets", "FirstTTL", "LastTTL", "Flows", "Attempts", "Unlinked", "ExtensionOctets"}
	notes := []string{"over.window", "over.deadline_ns", "end.windows", "end.kernel_drops", "fault.from_ns", "targets", "exclude"}
	switch {
	case field < len(names):
		params = replaced(params, names[field], value)
	case field < len(names)+len(shape):
		params = replaced(params, shape[field-len(names)], value)
	default:
		name := notes[field%len(notes)]
		for i, b := range blocks {
			if outer, inner, _ := strings.Cut(name, "."); b[0] == '{' && bytes.Contains(b, []byte(`"`+outer+`"`)) {
				blocks[i] = replaced(b, cmp.Or(inner, outer), value)
			}
		}
	}
	return params, blocks
}

// replaced returns a JSON text with the value of the first field of that name replaced.
func replaced(text []byte, name, value string) []byte {
	key := fmt.Appendf(nil, "%q:", name)
	at := bytes.Index(text, key)
	if at < 0 {
		return text
	}
	at += len(key)
	var was json.RawMessage
	if json.NewDecoder(bytes.NewReader(text[at:])).Decode(&was) != nil {
		return text
	}
	return slices.Concat(text[:at], []byte(value), text[at+len(was):])
}
