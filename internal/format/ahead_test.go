package format

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
)

// closer counts its Close calls.
type closer struct {
	io.Reader
	closed int
}

func (c *closer) Close() error {
	c.closed++
	return nil
}

// TestAhead: the reader has the octets and the error of the other one, which it closes.
func TestAhead(t *testing.T) {
	long := strings.Repeat("0123456789", aheadBlocks*aheadLen/4)
	for name, in := range map[string]func() io.Reader{
		"whole blocks": func() io.Reader { return strings.NewReader(long) },
		"odd blocks":   func() io.Reader { return iotest.HalfReader(strings.NewReader(long)) },
		"data and EOF": func() io.Reader { return iotest.DataErrReader(strings.NewReader(long)) },
	} {
		for _, end := range []error{io.EOF, io.ErrUnexpectedEOF} {
			synctest.Test(t, func(t *testing.T) {
				c := &closer{Reader: in()}
				if end != io.EOF {
					c.Reader = io.MultiReader(c.Reader, iotest.ErrReader(end))
				}
				a := readAhead(c)
				var got bytes.Buffer
				_, err := io.Copy(&got, a)
				synctest.Wait()
				if got.String() != long || end == io.EOF && err != nil || end != io.EOF && !errors.Is(err, end) || c.closed != 1 {
					t.Errorf("%s: %d octets, %v, %d closed", name, got.Len(), err, c.closed)
				}
				if err := errors.Join(a.Close(), a.Close()); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestAheadClose: the goroutine of a reader that is closed early ends; synctest fails otherwise.
func TestAheadClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &closer{Reader: endless{}}
		a := readAhead(c)
		if n, err := a.Read(make([]byte, 7)); n != 7 || err != nil {
			t.Fatal(n, err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, err := a.Read(make([]byte, 7)); !errors.Is(err, os.ErrClosed) || c.closed != 1 {
			t.Errorf("%v, %d closed", err, c.closed)
		}
	})
}

// endless is full of zeros.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
