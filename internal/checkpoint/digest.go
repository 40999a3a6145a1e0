package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
)

// A checkpoint contains the digest of its own text, in which the digest is zeros. So a file that
// was changed by hand, or by a bad disk, is refused. It does not protect against an attacker: the
// file has the key of the run, and only its owner can write it.
const (
	digestField = "\n  \"digest\": \""
	noDigest    = "0000000000000000000000000000000000000000000000000000000000000000" // SHA-256
)

// mostOctets is the size of the largest checkpoint. Its lists of exclusions are the largest part.
const mostOctets = 64 << 20

// errChanged means that the digest is not that of the text.
var errChanged = errors.New("it was changed after it was written: its digest is another")

// sign puts the digest in its place.
func sign(text []byte) error {
	at, err := digestAt(text)
	if err != nil {
		return err
	}
	copy(text[at:], digestOf(text))
	return nil
}

// mostObjects is more objects than a checkpoint has. Each needs more memory than it has octets.
const mostObjects = 1 << 14

// check returns an error if text was changed after sign, or has more in it than a checkpoint. It
// changes text.
func check(text []byte) error {
	if n := bytes.Count(text, []byte{'{'}); n > mostObjects {
		return fmt.Errorf("%d objects are more than it can have", n)
	}
	at, err := digestAt(text)
	if err != nil {
		return err
	}
	said := bytes.Clone(text[at : at+len(noDigest)])
	copy(text[at:], noDigest)
	if !bytes.Equal(said, digestOf(text)) {
		return errChanged
	}
	return nil
}

// digestAt returns where the digest is.
func digestAt(text []byte) (int, error) {
	at := bytes.Index(text, []byte(digestField))
	if at < 0 || len(text) < at+len(digestField)+len(noDigest) {
		return 0, errChanged
	}
	return at + len(digestField), nil
}

func digestOf(text []byte) []byte {
	sum := sha256.Sum256(text)
	return hex.AppendEncode(nil, sum[:])
}

// readAll reads a file that is not larger than a checkpoint may be.
func readAll(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostOctets+1))
	if err == nil && len(text) > mostOctets {
		err = fmt.Errorf("%s is larger than %d bytes", path, mostOctets)
	}
	return text, err
}
