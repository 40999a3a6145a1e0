package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/masstrace/masstrace/bench/imagine"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// files are the same traces in two formats.
type files struct {
	Parquet, Lines []string
	Hops, Traces   int
	Links          int // different pairs of neighbours
}

// files returns the files in the folder, and makes them if they are not there. A process of its own
// makes them: else its memory would count as that of the queries, because the system begins the
// largest resident set of a program with that of its parent.
func (c *config) files() (*files, error) {
	text, err := os.ReadFile(filepath.Join(c.dir, about))
	if errors.Is(err, os.ErrNotExist) {
		fmt.Fprintf(os.Stderr, "making files of %d hops\n", c.hops)
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		cmd := exec.Command(self, "-make", "-dir", c.dir, "-hops", strconv.Itoa(c.hops))
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return nil, err
		}
		return c.files()
	}
	var f files
	return &f, errors.Join(err, json.Unmarshal(text, &f))
}

// about is the name of the file that describes the others.
const about = "files.json"

// way is files that are asked together.
type way struct {
	name  string
	paths []string
}

func (f *files) ways() []way { return []way{{"Parquet", f.Parquet}, {"NDJSON", f.Lines}} }

// output is a file with its writer.
type output struct {
	file   *outfile.File
	writer format.Writer
}

// makeFiles writes traces until they have n hops.
func makeFiles(dir string, n int) error {
	f := &files{
		Parquet: []string{filepath.Join(dir, "hops.parquet"), filepath.Join(dir, "traces.parquet")},
		Lines:   []string{filepath.Join(dir, "results.ndjson")},
	}
	var outs []*output
	for _, one := range []struct{ path, format, table string }{
		{f.Parquet[0], "parquet", "hops"}, {f.Parquet[1], "parquet", "traces"}, {f.Lines[0], "ndjson", ""},
	} {
		o, err := create(one.path, one.format, one.table)
		if err != nil {
			return err
		}
		outs = append(outs, o)
	}
	each := func(r record.Record) (err error) {
		for _, o := range outs {
			err = errors.Join(err, o.writer.Write(r))
		}
		return err
	}
	err := each(&record.Run{Run: "01JD0000000000000000000000", Protocol: probe.UDP.String()})
	random := rand.New(rand.NewPCG(1, 2))
	links := map[[2]uint32]struct{}{}
	for err == nil && f.Hops < n {
		t := trace(random, uint32(f.Traces))
		f.Traces, f.Hops = f.Traces+1, f.Hops+len(t.Hops)
		for i := 1; i < len(t.Hops); i++ {
			if a, b := &t.Hops[i-1], &t.Hops[i]; b.TTL == a.TTL+1 {
				links[[2]uint32{number(a.Responder), number(b.Responder)}] = struct{}{}
			}
		}
		err = each(t)
	}
	f.Links = len(links)
	for _, o := range outs {
		err = errors.Join(err, o.end())
	}
	text, unable := json.Marshal(f)
	if err := errors.Join(err, unable); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, about), text, 0o600)
}

func create(path, name, table string) (*output, error) {
	f, err := all.WriterOf(name)
	if err != nil {
		return nil, err
	}
	file, err := outfile.Open(path, nil, outfile.Overwrite)
	if err != nil {
		return nil, err
	}
	return &output{file, f.NewWriter(format.Output{Out: file, Kinds: record.Traces, Table: table, Run: "01JD0000000000000000000000", Hostname: "vantage"})}, nil
}

func (o *output) end() (err error) {
	if e, ok := o.writer.(format.Ender); ok {
		err = e.End()
	}
	return errors.Join(err, o.writer.Flush(), o.file.Close())
}

// target returns another address for each number: in a scan, a target has one trace.
func target(i uint32) probe.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], i*2654435761) // an odd factor permutes all numbers
	return probe.Addr4From(b)
}

// trace imagines trace i, whose addresses are known to databases. A third of the traces reach their
// target, and a tenth ends at a message.
func trace(random *rand.Rand, i uint32) *record.Trace {
	t := imagine.Trace(random)
	t.Target = target(i)
	for i := range t.Hops {
		t.Hops[i].Target = t.Target
		t.Hops[i].Annotation = systemOf(t.Hops[i].Responder)
	}
	last := &t.Hops[len(t.Hops)-1]
	switch random.IntN(10) {
	case 0, 1, 2:
		last.Responder, last.Kind = t.Target, probe.KindPortUnreach
		t.StopReason, t.Reached, t.End = record.StopCompleted, true, last.TTL
	case 3:
		t.StopReason, t.StopData, t.End = record.StopUnreach, uint8(random.IntN(14)), last.TTL
	}
	return t
}

// systems are the annotations: autonomous systems, each of one country.
var systems = func() (list [1000]*record.Annotation) {
	for i := range list {
		list[i] = &record.Annotation{
			ASN: []uint32{64512 + uint32(i)}, ASNSource: "imagined", ASName: "SYSTEM-" + string(rune('A'+i%26)),
			Prefix: netip.MustParsePrefix("10.0.0.0/8"), Country: [...]string{"BR", "JP", "NL", "US", "ZA"}[i%5],
		}
	}
	return list
}()

// systemOf returns the annotation of an address.
func systemOf(a probe.Addr) *record.Annotation { return systems[number(a)%uint32(len(systems))] }

// number returns an IPv4 address as a number.
func number(a probe.Addr) uint32 {
	b := a.Netip().As4()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}
