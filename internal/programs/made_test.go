package programs

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

// madePacket is an IP packet of a capture that is made here.
type madePacket struct {
	octets []byte
	ns     int64 // after the first
}

var (
	madeOurs  = net.ParseIP("192.0.2.1").To4()
	madeOurs6 = net.ParseIP("2001:db8::1")
)

const madeBegin = 1_790_000_000_123_456_789 // ns since the Unix epoch

// madeProbe returns a UDP probe; every TTL has another destination port.
func madeProbe(t *testing.T, dst string, ttl uint8) []byte {
	t.Helper()
	to := netip.MustParseAddr(dst)
	udp := &layers.UDP{SrcPort: 40000, DstPort: layers.UDPPort(33434 + int(ttl))}
	if to.Is4() {
		ip := &layers.IPv4{Version: 4, TTL: ttl, Id: uint16(ttl), Protocol: layers.IPProtocolUDP, SrcIP: madeOurs, DstIP: to.AsSlice()}
		return serialize(t, ip, udp, gopacket.Payload("a probe, made by hand"))
	}
	ip := &layers.IPv6{Version: 6, HopLimit: ttl, NextHeader: layers.IPProtocolUDP, SrcIP: madeOurs6, DstIP: to.AsSlice()}
	return serialize(t, ip, udp, gopacket.Payload("a probe, made by hand"))
}

// madeError returns an ICMP error that quotes a probe, followed by the bytes after the
// quotation. words is the octet with its length.
func madeError(t *testing.T, from string, typ, code, words uint8, quoted, behind []byte) []byte {
	t.Helper()
	src := netip.MustParseAddr(from)
	body := slices.Concat(quoted, behind)
	if src.Is4() {
		ip := &layers.IPv4{Version: 4, TTL: 250, Id: 7, Protocol: layers.IPProtocolICMPv4, SrcIP: src.AsSlice(), DstIP: madeOurs}
		icmp := &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(typ, code), Id: uint16(words)}
		if typ == 3 && code == 4 {
			icmp.Seq = 1400 // MTU
		}
		return serialize(t, ip, icmp, gopacket.Payload(body))
	}
	ip := &layers.IPv6{Version: 6, HopLimit: 250, NextHeader: layers.IPProtocolICMPv6, SrcIP: src.AsSlice(), DstIP: madeOurs6}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(typ, code)}
	head := []byte{words, 0, 0, 0}
	if typ == 2 {
		binary.BigEndian.PutUint32(head, 1400)
	}
	return serialize(t, ip, icmp, gopacket.Payload(slices.Concat(head, body)))
}

func serialize(t *testing.T, network gopacket.SerializableLayer, rest ...gopacket.SerializableLayer) []byte {
	t.Helper()
	for _, l := range rest {
		if l, ok := l.(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok {
			if err := l.SetNetworkLayerForChecksum(network.(gopacket.NetworkLayer)); err != nil {
				t.Fatal(err)
			}
		}
	}
	b := gopacket.NewSerializeBuffer()
	o := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(b, o, append([]gopacket.SerializableLayer{network}, rest...)...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// madePath is a path of three hops in both families, with fragments in between.
func madePath(t *testing.T) (all []madePacket) {
	t.Helper()
	add := func(b []byte) { all = append(all, madePacket{b, int64(len(all)) * 1_000_000}) }
	for _, p := range []struct {
		dst, router                         string
		exceeded, unreachable, port, quoted int
	}{
		{"198.51.100.9", "203.0.113.%d", 11, 3, 3, 28},
		{"2001:db8:100::9", "2001:db8:200::%d", 3, 1, 4, 48},
	} {
		for ttl := range 3 {
			b := madeProbe(t, p.dst, uint8(ttl+1))
			add(b)
			q := expired(b)[:p.quoted]
			if ttl == 2 {
				add(madeError(t, p.dst, uint8(p.unreachable), uint8(p.port), 0, q, nil))
				continue
			}
			add(madeError(t, fmt.Sprintf(p.router, ttl+1), uint8(p.exceeded), 0, 0, q, nil))
		}
	}
	fragment := bytes.Clone(all[1].octets)
	fragment[6] |= 0x20 // more fragments
	binary.BigEndian.PutUint16(fragment[10:], 0)
	binary.BigEndian.PutUint16(fragment[10:], wire.Checksum(wire.Sum(fragment[:20], 0)))
	add(fragment)
	return all
}

// expired returns a probe as a router quotes it.
func expired(b []byte) []byte {
	b = bytes.Clone(b)
	if b[0]>>4 == 4 {
		b[8] = 1
	} else {
		b[7] = 1
	}
	return b
}

// madeKinds returns one reply of each type and code to a probe of its own.
func madeKinds(t *testing.T) (all []madePacket) {
	t.Helper()
	add := func(b []byte) { all = append(all, madePacket{b, int64(len(all)) * 1_000_000}) }
	for _, family := range []struct {
		dst, router string
		codes       [][2]uint8 // type, highest code
	}{
		{"198.51.100.%d", "203.0.113.1", [][2]uint8{{3, 15}, {11, 2}, {12, 2}}},
		{"2001:db8:100::%d", "2001:db8:200::1", [][2]uint8{{1, 7}, {2, 0}, {3, 2}, {4, 3}}},
	} {
		n := 0
		for _, c := range family.codes {
			for code := range c[1] + 1 {
				n++
				b := madeProbe(t, fmt.Sprintf(family.dst, n), 5)
				add(b)
				add(madeError(t, family.router, c[0], code, 0, expired(b), nil))
			}
		}
	}
	return all
}

// madeExtensions returns a reply of each form of extension structure (RFC 4884).
func madeExtensions(t *testing.T) (all []madePacket) {
	t.Helper()
	add := func(b []byte) { all = append(all, madePacket{b, int64(len(all)) * 1_000_000}) }
	label := func(labels ...uint32) (b []byte) {
		for i, l := range labels {
			entry := l<<12 | 0x1<<9 | 1
			if i == len(labels)-1 {
				entry |= 1 << 8
			}
			b = binary.BigEndian.AppendUint32(b, entry)
		}
		return b
	}
	mpls := wire.Object{Class: 1, CType: 1, Payload: label(24001, 24002)}
	name := append([]byte{16}, "xe-0/0/1.0\x00\x00\x00\x00\x00"...)
	iface := wire.Object{Class: 2, CType: 0x0a, Payload: slices.Concat([]byte{0, 0, 0, 7}, name)}
	other := wire.Object{Class: 200, CType: 3, Payload: []byte{0xde, 0xad, 0xbe, 0xef}}
	good := wire.AppendExtension(nil, mpls, iface, other)
	bad, absent := bytes.Clone(good), bytes.Clone(good)
	bad[2] ^= 0x55
	absent[2], absent[3] = 0, 0
	for i, form := range []struct {
		ext    []byte
		stated bool
	}{
		// The last two are in legacy form.
		{good, true}, {bad, true}, {absent, true}, {good, false}, {absent, false},
		{wire.AppendExtension(nil, wire.Object{Class: 1, CType: 1}), true}, // no label
		{wire.AppendExtension(nil, wire.Object{Class: 1, CType: 1, Payload: label(make([]uint32, 16)...)}), true},
		{good[:len(good)-2], true},                // an object is cut
		{[]byte{0x20, 0, 0, 0, 0, 3, 1, 1}, true}, // an object shorter than its header
	} {
		for _, p := range []struct {
			dst, router   string
			typ, wordSize int
		}{{"198.51.100.%d", "203.0.113.1", 11, 4}, {"2001:db8:100::%d", "2001:db8:200::1", 3, 8}} {
			b := madeProbe(t, fmt.Sprintf(p.dst, i+1), 3)
			add(b)
			quoted := make([]byte, 128)
			copy(quoted, expired(b))
			words := 0
			if form.stated {
				words = 128 / p.wordSize
			}
			add(madeError(t, p.router, uint8(p.typ), 0, uint8(words), quoted, form.ext))
		}
	}
	return all
}

// framings are link layers: number, and header before a packet.
var framings = []struct {
	name string
	link uint16
	head func(is4 bool, way byte) string // hexadecimal; way: 0 in, 4 out
}{
	{"ethernet", 1, func(is4 bool, _ byte) string { return "020000000001020000000002" + etherType(is4) }},
	{"vlan", 1, func(is4 bool, _ byte) string { return "0200000000010200000000028100000a" + etherType(is4) }},
	{"qinq", 1, func(is4 bool, _ byte) string { return "02000000000102000000000288a800148100000a" + etherType(is4) }},
	{"cooked", 113, func(is4 bool, way byte) string {
		return fmt.Sprintf("%04x000100060200000000010000", way) + etherType(is4)
	}},
	{"cooked2", 276, func(is4 bool, way byte) string {
		return etherType(is4) + fmt.Sprintf("0000000000020001%02x060200000000010000", way)
	}},
	{"raw", 101, func(bool, byte) string { return "" }},
	{"null", 0, func(is4 bool, _ byte) string { return map[bool]string{true: "02000000", false: "1e000000"}[is4] }},
	{"loop", 108, func(is4 bool, _ byte) string { return map[bool]string{true: "00000002", false: "00000018"}[is4] }},
	{"ppp", 9, func(is4 bool, _ byte) string { return "ff03" + pppType(is4) }},
	{"serial", 50, func(is4 bool, _ byte) string { return "0f00" + etherType(is4) }},
	{"hdlc", 104, func(is4 bool, _ byte) string { return "0f00" + etherType(is4) }},
	{"pppoe", 1, func(is4 bool, _ byte) string { return "020000000001020000000002" + "8864110000010000" + pppType(is4) }},
	{"mpls", 1, func(bool, byte) string { return "020000000001020000000002" + "8847" + "05dc10ff" + "05dc21ff" }},
	{"snap", 1, func(is4 bool, _ byte) string { return "020000000001020000000002" + "0100aaaa03000000" + etherType(is4) }},
	{"gre", 1, func(is4 bool, _ byte) string {
		return "020000000001020000000002" + "0800" + "4500040000000000402f0000c0000201c0000202" + "0000" + etherType(is4)
	}},
	{"wireless", 105, func(is4 bool, _ byte) string {
		return "08010000" + "020000000001020000000002020000000003" + "0000" + "aaaa03000000" + etherType(is4)
	}},
	{"infiniband", 247, func(is4 bool, _ byte) string {
		return "00020001000a0002" + "640000000000000100000002" + "0000000000000003" + etherType(is4) + "0000"
	}},
}

func pppType(is4 bool) string {
	if is4 {
		return "0021"
	}
	return "0057"
}

func etherType(is4 bool) string {
	if is4 {
		return "0800"
	}
	return "86dd"
}

// frame frames a packet.
func (p madePacket) frame(t *testing.T, head func(bool, byte) string) []byte {
	t.Helper()
	is4, way := p.octets[0]>>4 == 4, byte(0)
	if is4 && bytes.Equal(p.octets[12:16], madeOurs) || !is4 && bytes.Equal(p.octets[8:24], madeOurs6) {
		way = 4
	}
	b, err := hex.DecodeString(head(is4, way))
	if err != nil {
		t.Fatal(err)
	}
	return append(b, p.octets...)
}

// byteOrder is a byte order that also appends.
type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// pcapFile returns a pcap file with units of ns.
func pcapFile(order byteOrder, unit int64, link uint16, frames [][]byte, at []int64) []byte {
	magic := uint32(0xa1b2c3d4)
	if unit == 1 {
		magic = 0xa1b23c4d
	}
	b := order.AppendUint32(nil, magic)
	b = order.AppendUint16(order.AppendUint16(b, 2), 4)
	b = order.AppendUint32(append(b, make([]byte, 8)...), 65536)
	b = order.AppendUint32(b, uint32(link))
	for i, f := range frames {
		ns := madeBegin + at[i]
		b = order.AppendUint32(order.AppendUint32(b, uint32(ns/1e9)), uint32(ns%1e9/unit))
		b = order.AppendUint32(order.AppendUint32(b, uint32(len(f))), uint32(len(f)))
		b = append(b, f...)
	}
	return b
}

// pcapngFile returns a pcapng file of two interfaces, with units of ns.
func pcapngFile(order byteOrder, resolution byte, unit int64, link uint16, frames [][]byte, at []int64) []byte {
	block := func(b []byte, kind uint32, body []byte) []byte {
		body = append(body, make([]byte, -len(body)&3)...)
		b = order.AppendUint32(order.AppendUint32(b, kind), uint32(len(body)+12))
		return order.AppendUint32(append(b, body...), uint32(len(body)+12))
	}
	head := order.AppendUint16(order.AppendUint16(order.AppendUint32(nil, 0x1a2b3c4d), 1), 0)
	b := block(nil, 0x0a0d0d0a, append(head, bytes.Repeat([]byte{0xff}, 8)...))
	describe := func(link uint16) []byte {
		body := order.AppendUint32(order.AppendUint16(order.AppendUint16(nil, link), 0), 0)
		body = order.AppendUint16(order.AppendUint16(body, 9), 1)
		return append(body, resolution, 0, 0, 0, 0, 0, 0, 0)
	}
	b = block(block(b, 1, describe(147)), 1, describe(link)) // the first is not used
	b = block(b, 4, make([]byte, 4))                         // name resolution
	for i, f := range frames {
		units := uint64((madeBegin + at[i]) / unit)
		if resolution&0x80 != 0 { // 2⁻ⁿ s, for n that divide evenly here
			units = uint64((madeBegin + at[i]) / 1e9 << (resolution & 0x7f))
		}
		body := order.AppendUint32(order.AppendUint32(order.AppendUint32(nil, 1), uint32(units>>32)), uint32(units))
		body = order.AppendUint32(order.AppendUint32(body, uint32(len(f))), uint32(len(f)))
		b = block(b, 6, append(body, f...))
	}
	return b
}

// madeFiles returns all captures that are made here.
func madeFiles(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	path := madePath(t)
	var at []int64
	for _, p := range path {
		at = append(at, p.ns)
	}
	framed := func(packets []madePacket, i int) (frames [][]byte) {
		for _, p := range packets {
			frames = append(frames, p.frame(t, framings[i].head))
		}
		return frames
	}
	for i, f := range framings {
		files["path-"+f.name+".pcap"] = pcapFile(binary.LittleEndian, 1000, f.link, framed(path, i), at)
	}
	ether := framed(path, 0)
	files["path-us-be.pcap"] = pcapFile(binary.BigEndian, 1000, 1, ether, at)
	files["path-ns-le.pcap"] = pcapFile(binary.LittleEndian, 1, 1, ether, at)
	files["path-ns-be.pcap"] = pcapFile(binary.BigEndian, 1, 1, ether, at)
	files["path-us-le.pcapng"] = pcapngFile(binary.LittleEndian, 6, 1000, 1, ether, at)
	files["path-us-be.pcapng"] = pcapngFile(binary.BigEndian, 6, 1000, 1, ether, at)
	files["path-ns-be.pcapng"] = pcapngFile(binary.BigEndian, 9, 1, 1, ether, at)
	files["path-cooked2.pcapng"] = pcapngFile(binary.LittleEndian, 9, 1, 276, framed(path, 4), at)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write(files["path-us-be.pcap"])
	if err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	files["path-us-be.pcap.gz"] = packed.Bytes()
	e, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	files["path-ns-be.pcapng.zst"] = e.EncodeAll(files["path-ns-be.pcapng"], nil)
	for name, packets := range map[string][]madePacket{"kinds": madeKinds(t), "extensions": madeExtensions(t)} {
		var at []int64
		for _, p := range packets {
			at = append(at, p.ns)
		}
		files[name+".pcap"] = pcapFile(binary.LittleEndian, 1000, 101, framed(packets, 5), at)
	}
	whole := files["path-us-le.pcapng"]
	files["broken-empty.pcap"] = nil
	files["broken-text.pcap"] = []byte("This is no capture.\n")
	files["broken-cut.pcap"] = files["path-raw.pcap"][:500]
	files["broken-header.pcap"] = files["path-raw.pcap"][:17]
	files["broken-length.pcap"] = slices.Concat(files["path-raw.pcap"][:24+8], []byte{0, 0, 0, 64, 0, 0, 0, 64})
	files["broken-cut.pcapng"] = whole[:700]
	files["broken-trailer.pcapng"] = slices.Concat(whole[:len(whole)-4], []byte{1, 2, 3, 4})
	files["broken-cut.pcap.gz"] = files["path-us-be.pcap.gz"][:len(packed.Bytes())-40]
	return files
}

// The captures that are made here are those of the repository.
func TestMadeCaptures(t *testing.T) {
	dir := filepath.Join(captureDir, "made")
	for name, want := range madeFiles(t) {
		path := filepath.Join(dir, name)
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what is made here (-update writes it anew): %v", path, err)
		}
	}
}

// The same packets give the same records in every format and link layer.
func TestFormatsAgree(t *testing.T) {
	var want string
	n := 0
	for _, path := range captures(t) {
		name := filepath.Base(path)
		if !strings.HasPrefix(name, "path-") {
			continue
		}
		n++
		text := string(replayed(t, record.Both, path))
		text = strings.ReplaceAll(text, name, "NAME")
		if want == "" {
			want = text
		}
		if text != want {
			t.Errorf("%s gives\n%s\nothers\n%s", name, text, want)
		}
	}
	if n < 15 {
		t.Errorf("only %d files", n)
	}
}
