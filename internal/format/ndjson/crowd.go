package ndjson

import (
	"bytes"
	"fmt"
)

// Limits of one line. A value of three octets, such as {}, becomes a kilobyte when it is decoded.
// So the length of a line does not limit the memory that it takes. The largest line of ours is a
// trace of 63 TTLs and four attempts, each with an extension of 144 labels.
const (
	mostObjects = 1 << 16
	mostValues  = 1 << 19 // by the commas between them
	fewOctets   = 1 << 16 // a shorter line is not counted
)

// CheckCrowd returns an error if a line has more values than any record. Commas and braces in
// strings count too.
func CheckCrowd(line []byte) error {
	if len(line) < fewOctets {
		return nil
	}
	if n := bytes.Count(line, []byte{'{'}); n > mostObjects {
		return fmt.Errorf("%d objects in one line: the maximum is %d", n, mostObjects)
	}
	if n := bytes.Count(line, []byte{','}); n > mostValues {
		return fmt.Errorf("%d values in one line: the maximum is %d", n, mostValues)
	}
	return nil
}
