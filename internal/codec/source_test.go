package codec

import (
	"encoding/binary"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// adjust changes the quoted checksum at octet at as a NAT does after it has rewritten the source
// (RFC 3022 §4.1). old is the source before that. adjust computes the result from the sums.
func adjust(q *wire.Quotation, at int, old probe.Addr) {
	b := make([]byte, len(q.Transport))
	copy(b, q.Transport)
	source := probe.Addr(q.Src)
	acc := uint32(^binary.BigEndian.Uint16(b[at:])) + uint32(^sum16(old.Octets())) + uint32(sum16(source.Octets()))
	for acc > 0xffff {
		acc = acc>>16 + acc&0xffff
	}
	csum := ^uint16(acc)
	if csum == 0 && at == wire.UDPChecksum {
		csum = 0xffff
	}
	binary.BigEndian.PutUint16(b[at:], csum)
	q.Transport = b
}

func TestForeignSource(t *testing.T) {
	foreign := map[bool]probe.Addr{true: addr("100.64.7.9"), false: addr("fd00:1::f816:3eff:fe12:9")}
	r := newRand(8)
	for _, k := range kinds {
		c := newCodec(t, testConfig(k.method))
		for range effort.Count(5000, 100_000) {
			p := randProbe(r, c, k.is4)
			for _, quoted := range quotations(encode(c, p)) {
				for _, adjusted := range []string{"as sent", "adjusted", "other"} {
					q := quoted.Quotation
					q.Src = foreign[k.is4]
					want := probe.MangledSource
					sure := quoted.whole || k.is4 || k.isTCP()
					switch {
					case adjusted == "as sent":
					case k.method == probe.UDP && adjusted == "adjusted":
						adjust(&q, wire.UDPChecksum, c.Source(k.is4))
						want |= probe.MangledCsum
					case k.isTCP() && adjusted == "adjusted" && quoted.whole:
						adjust(&q, wire.TCPChecksum, c.Source(k.is4))
						if q.Transport[wire.TCPChecksum]|q.Transport[wire.TCPChecksum+1] != 0 || k.method == probe.TCPSYN {
							// Otherwise the checksum passes for not
							// quoted.
							want |= probe.MangledCsum
						}
					case k.method == probe.UDP:
						q.Transport = append([]byte(nil), q.Transport...)
						q.Transport[6] ^= uint8(1 + r.IntN(255))
						sure = false
					default:
						continue
					}
					var f probe.Facts
					v := c.Quoted(&q, &f)
					switch {
					case sure && (v != Accepted || f.Probe != p || f.Valid != probe.Strong || f.Mangled != want):
						t.Fatalf("%s %s, %d octets: verdict %d, mangled %v, %+v", k, adjusted, len(q.Transport), v, f.Mangled.AppendNames(nil), f)
					case !sure && (v != BadSource || f.Valid != probe.Garbled || f.Target != p.Target || f.Flow != p.Flow):
						t.Fatalf("%s %s, %d octets: verdict %d", k, adjusted, len(q.Transport), v)
					}
				}
			}
		}
	}
}
