package annotate

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/probe"
)

// longestTextLine is the longest line in which Text looks for addresses, in octets. Longer ones go
// through in parts.
const longestTextLine = 64 << 10

// Text copies text from in to out, until in or ctx ends. It adds a label after each address, as in
// 192.0.2.1 [AS64500 NAME]. All other octets stay as they are. Lines are written as soon
// as no further one has been read.
func (a *Annotator) Text(ctx context.Context, in io.Reader, out io.Writer) error {
	r, w := bufio.NewReaderSize(in, longestTextLine), bufio.NewWriterSize(out, longestTextLine)
	f := filter{annotator: a}
	for ctx.Err() == nil {
		text, err := r.ReadSlice('\n')
		if _, err := w.Write(f.append(text, errors.Is(err, bufio.ErrBufferFull))); err != nil {
			return err
		}
		if end := err != nil && !errors.Is(err, bufio.ErrBufferFull); end || !buffersLine(r) {
			if failed := w.Flush(); failed != nil {
				return failed
			}
			if end && err == io.EOF {
				return nil
			}
			if end {
				return err
			}
		}
	}
	return context.Cause(ctx)
}

// filter adds labels to the lines of a text.
type filter struct {
	annotator *Annotator
	room      []byte // the last line that was returned
	rest      []byte // the begin of a word, at the end of a part of a long line
	within    bool   // the next part begins within a word that is no address
}

// append returns a line, or a part of a long one, with labels. It is valid until the next call.
func (f *filter) append(text []byte, part bool) []byte {
	f.room = f.room[:0]
	if len(f.rest) > 0 {
		text = append(f.rest, text...)
		f.rest = nil
	}
	if f.within {
		end := bytes.IndexFunc(text, func(r rune) bool { return r < utf8.RuneSelf && !inToken[r] })
		if end < 0 {
			end = len(text)
		}
		f.room, text = append(f.room, text[:end]...), text[end:]
		f.within = part && len(text) == 0
	}
	if part && len(text) > 0 {
		end := len(text)
		for end > 0 && inToken[text[end-1]] {
			end--
		}
		if f.within = len(text)-end > longestWord; f.within {
			end = len(text)
		}
		f.rest, text = bytes.Clone(text[end:]), text[:end]
	}
	f.room = f.annotator.appendLine(f.room, text)
	return f.room
}

// longestWord is longer than the text of any address with a port or a zone, in octets.
const longestWord = 100

// buffersLine reports whether the next line may be read without waiting for more.
func buffersLine(r *bufio.Reader) bool {
	rest, _ := r.Peek(r.Buffered())
	return bytes.IndexByte(rest, '\n') >= 0
}

// appendLine appends a line with the labels of its addresses.
func (a *Annotator) appendLine(b, line []byte) []byte {
	done := 0 // octets of line that are in b
	for at := 0; at < len(line); {
		addr, behind, next := scanAddr(line, at)
		at = next
		if !addr.IsValid() {
			continue
		}
		label := Label(a.Of(probe.AddrFrom(addr)))
		if label == "" {
			continue
		}
		label = " [" + plaintext.Line(label) + "]"
		if bytes.HasPrefix(line[behind:], []byte(label)) { // it is there already
			continue
		}
		b = append(append(b, line[done:behind]...), label...)
		done = behind
	}
	return append(b, line[done:]...)
}
