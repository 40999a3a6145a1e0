package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestWriteTargets(t *testing.T) {
	for name, write := range map[string]func(string, uint64, int) error{"sparse": writeSparse, "dense": writeDense} {
		path := filepath.Join(t.TempDir(), name)
		if err := write(path, 1, 500); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		prefixes := map[string]bool{}
		for line := range bytes.Lines(b) {
			prefixes[string(line[:bytes.LastIndexByte(line, '.')])] = true
		}
		if len(prefixes) != 500 {
			t.Errorf("%s: %d /24s, want 500", name, len(prefixes))
		}
	}
}

func TestReadFlashRoute(t *testing.T) {
	record := func(responder, fromDst byte) []byte {
		b := make([]byte, flashRecord)
		b[flashResponder], b[flashFromDst] = responder, fromDst
		return b
	}
	path := filepath.Join(t.TempDir(), "results")
	b := bytes.Join([][]byte{record(1, 0), record(2, 0), record(1, 0), record(3, 1), {1, 2}}, nil)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := readFlashRoute(path); err != nil || f.interfaces != 2 {
		t.Errorf("%v interfaces, %v; want 2", f.interfaces, err)
	}
}

func TestReadRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results")
	hop := func(addr, ttl, kind string) string {
		return `{"addr":"` + addr + `","probe_ttl":` + ttl + `,"icmp_type":` + kind + `,"icmp_code":0}`
	}
	text := `{"type":"trace","dst":"198.51.100.9","hops":[` + hop("10.0.0.1", "1", "11") + "," + hop("10.0.0.2", "2", "11") + "," +
		hop("10.0.0.2", "2", "11") + "," + hop("10.0.0.1", "3", "11") + "," + hop("198.51.100.9", "4", "3") + "]}\n" +
		`{"type":"summary","sent":7}` + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := readRecords(path); err != nil || f.interfaces != 2 || f.hops != 3 {
		t.Errorf("%+v, %v; want 2 interfaces and 3 hops", f, err)
	}
}
