package annotate

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// network is a network of a database and its data: strings, uint32 and maps of them.
type network struct {
	prefix netip.Prefix
	data   map[string]any
}

// mmdbOf returns a database in MaxMind's format.
func mmdbOf(tb testing.TB, typ string, networks []network) []byte {
	tb.Helper()
	w, err := mmdbwriter.New(mmdbwriter.Options{
		DatabaseType: typ, RecordSize: 24, BuildEpoch: 1790000000, IncludeReservedNetworks: true, DisableIPv4Aliasing: true,
	})
	if err != nil {
		tb.Fatal(err)
	}
	for _, n := range networks {
		bits := n.prefix.Addr().BitLen()
		ip := &net.IPNet{IP: n.prefix.Addr().AsSlice(), Mask: net.CIDRMask(n.prefix.Bits(), bits)}
		if err := w.Insert(ip, mmdbValue(n.data)); err != nil {
			tb.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func mmdbValue(v any) mmdbtype.DataType {
	switch v := v.(type) {
	case string:
		return mmdbtype.String(v)
	case uint32:
		return mmdbtype.Uint32(v)
	case map[string]any:
		m := mmdbtype.Map{}
		for key, value := range v {
			m[mmdbtype.String(key)] = mmdbValue(value)
		}
		return m
	}
	panic(v)
}
