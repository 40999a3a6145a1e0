package outfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/ulikunitz/xz"
)

// newXZReader returns a reader of the content of a stream in the .xz format. Its decoder would
// make as much room as a block claims to need, 4 GiB at most. So xzGuard reads ahead of it.
func newXZReader(in io.Reader) (io.Reader, error) {
	return xz.NewReader(&xzGuard{in: in, want: xzStreamHeader, next: (*xzGuard).streamHeader})
}

// Sizes in the .xz file format, version 1.2.1, in octets.
const (
	xzStreamHeader = 12 // §2.1.1: magic, flags, CRC32
	xzStreamFooter = 12 // §2.1.2
	xzAlign        = 4  // of blocks, of the index and of stream padding
	xzLZMA2        = 0x21
)

var errXZ = errors.New("xz: the stream is corrupt, or has filters other than LZMA2")

// xzGuard passes an .xz stream on, and follows its structure up to the headers of its blocks. It
// fails at a block with a dictionary of more than maxWindow octets.
//
//	stream header | block | block … | index | stream footer | padding | stream header …
//	block = header | LZMA2 chunks | padding | check
type xzGuard struct {
	in   io.Reader
	skip int64 // octets to pass on before the next part
	at   int64 // octets passed on
	want int   // length of the next part
	part []byte
	next func(*xzGuard, []byte) error // takes the next part, and sets skip, want and next
	last bool                         // the next part is not needed: the input may end before it

	check   int64  // length of the check of a block
	numbers uint64 // of the index, which are left
	number  uint64 // the current one
	shift   uint   // of its next octet
}

// Read implements io.Reader.
func (g *xzGuard) Read(b []byte) (int, error) {
	n, err := g.in.Read(b)
	if bad := g.pass(b[:n]); bad != nil {
		return 0, bad
	}
	if err == io.EOF && (!g.last || g.skip > 0 || len(g.part) > 0) {
		err = io.ErrUnexpectedEOF // also between two blocks, which the decoder takes for the end
	}
	return n, err
}

// pass follows b.
func (g *xzGuard) pass(b []byte) error {
	for len(b) > 0 {
		if g.skip > 0 {
			n := min(g.skip, int64(len(b)))
			b, g.skip, g.at = b[n:], g.skip-n, g.at+n
			continue
		}
		n := min(g.want-len(g.part), len(b))
		g.part, b, g.at = append(g.part, b[:n]...), b[n:], g.at+int64(n)
		if len(g.part) == g.want {
			part := g.part
			g.part = g.part[:0]
			if err := g.next(g, part); err != nil {
				return err
			}
		}
	}
	return nil
}

// then sets the next part.
func (g *xzGuard) then(skip int64, want int, next func(*xzGuard, []byte) error) error {
	g.skip, g.want, g.next, g.last = skip, want, next, false
	return nil
}

// padding returns how many octets are missing up to an aligned position.
func (g *xzGuard) padding() int64 { return -g.at & (xzAlign - 1) }

func (g *xzGuard) streamHeader(b []byte) error {
	checks := [16]int64{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64} // §2.1.1.2
	g.check = checks[b[7]&15]
	return g.then(0, 1, (*xzGuard).blockOrIndex)
}

// blockOrIndex takes the first octet of a block: its size, or 0 for the index.
func (g *xzGuard) blockOrIndex(b []byte) error {
	if b[0] == 0 {
		return g.then(0, 1, (*xzGuard).indexCount)
	}
	return g.then(0, int(b[0])*4+3, (*xzGuard).blockHeader)
}

// blockHeader takes the rest of the header of a block (§3.1). LZMA2 is its only filter.
func (g *xzGuard) blockHeader(b []byte) error {
	flags, rest := b[0], b[1:]
	for _, stated := range []byte{0x40, 0x80} { // the sizes of the block
		if flags&stated == 0 {
			continue
		}
		_, n := binary.Uvarint(rest)
		if n <= 0 {
			return errXZ
		}
		rest = rest[n:]
	}
	if flags&3 != 0 || len(rest) < 3 || rest[0] != xzLZMA2 || rest[1] != 1 || rest[2] > 40 {
		return errXZ
	}
	// §5.3.1: 4 KiB, 6 KiB, 8 KiB, 12 KiB and so on.
	if size := int64(2|rest[2]&1) << (rest[2]/2 + 11); size > maxWindow {
		return fmt.Errorf("xz: a dictionary of %d MiB is over the limit of %d MiB", size>>20, maxWindow>>20)
	}
	return g.then(0, 1, (*xzGuard).chunk)
}

// chunk takes the first octet of an LZMA2 chunk.
func (g *xzGuard) chunk(b []byte) error {
	switch control := b[0]; {
	case control == 0: // the end of the block
		return g.then(g.padding()+g.check, 1, (*xzGuard).blockOrIndex)
	case control <= 2:
		return g.then(0, 2, func(g *xzGuard, b []byte) error {
			return g.then(int64(binary.BigEndian.Uint16(b))+1, 1, (*xzGuard).chunk)
		})
	case control < 0x80:
		return errXZ
	default:
		properties := int64(0)
		if control >= 0xc0 {
			properties = 1
		}
		return g.then(0, 4, func(g *xzGuard, b []byte) error {
			return g.then(properties+int64(binary.BigEndian.Uint16(b[2:]))+1, 1, (*xzGuard).chunk)
		})
	}
}

// indexCount takes the number of records of the index. Each has two numbers (§4).
func (g *xzGuard) indexCount(b []byte) error {
	if !g.numeral(b[0]) {
		return nil
	}
	g.numbers = 2 * g.number
	g.number, g.shift = 0, 0
	return g.indexRest()
}

// indexRecord takes an octet of a number in a record of the index.
func (g *xzGuard) indexRecord(b []byte) error {
	if g.numeral(b[0]) {
		g.numbers--
		g.number, g.shift = 0, 0
	}
	return g.indexRest()
}

func (g *xzGuard) indexRest() error {
	if g.numbers > 0 {
		return g.then(0, 1, (*xzGuard).indexRecord)
	}
	const crc = 4
	return g.thenPadding(g.padding() + crc + xzStreamFooter)
}

// numeral takes an octet of a number, and reports whether it is the last one.
func (g *xzGuard) numeral(b byte) bool {
	g.number |= uint64(b&0x7f) << g.shift
	g.shift += 7
	return b < 0x80
}

// thenPadding skips some octets, after which the input may end.
func (g *xzGuard) thenPadding(skip int64) error {
	err := g.then(skip, xzAlign, (*xzGuard).streamPadding)
	g.last = true
	return err
}

// streamPadding takes four octets after a stream: zeros, or the beginning of another stream.
func (g *xzGuard) streamPadding(b []byte) error {
	if binary.BigEndian.Uint32(b) == 0 {
		return g.thenPadding(0)
	}
	first := [xzAlign]byte(b)
	return g.then(0, xzStreamHeader-xzAlign, func(g *xzGuard, b []byte) error {
		return g.streamHeader(append(first[:], b...))
	})
}
