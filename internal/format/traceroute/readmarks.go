package traceroute

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

func timeExceeded(is4 bool) uint8 {
	if is4 {
		return wire.ICMPv4TimeExceeded
	}
	return wire.ICMPv6TimeExceeded
}

// codes are the codes of an unreachable message by their marks: of IPv4, then of IPv6. Where a mark
// stands for several codes, it is the most common.
var codes = map[string][2]uint8{
	"!N": {0, 0}, "!H": {1, 3}, "!P": {2, 0}, "!S": {5, 2}, "!X": {13, 1}, "!V": {14, 0}, "!C": {15, 0}, "!A": {13, 1},
}

// parseMark sets the type and the code of h, which has that mark. ends reports whether the message
// means that the path ends there.
func parseMark(h *record.Hop, mark string) (ends bool, err error) {
	is4 := h.Target.Is4()
	h.Protocol = probe.ICMP.Protocol(is4)
	h.Type, h.Code = wire.ICMPv4Unreachable, 0
	if !is4 {
		h.Type = wire.ICMPv6Unreachable
	}
	both, known := codes[mark]
	mtu, isMTU := strings.CutPrefix(mark, "!F")
	switch {
	case mark == "!P" && !is4: // unrecognised next header (RFC 4443 §3.4)
		h.Type, h.Code = wire.ICMPv6ParameterProblem, 1
		return true, nil
	case known && is4:
		h.Code = both[0]
		return true, nil
	case known:
		h.Code = both[1]
		return true, nil
	case isMTU:
		if h.Code = 4; !is4 {
			h.Type, h.Code = wire.ICMPv6PacketTooBig, 0
		}
		n, err := strconv.ParseUint(strings.TrimPrefix(mtu, "-"), 10, 32)
		h.MTU = uint32(n)
		if mtu != "" && err != nil {
			return false, fmt.Errorf("the mark %.40q is not known", mark)
		}
		return false, nil
	}
	typ, code, both2 := strings.Cut(strings.Trim(mark[1:], "<>"), "-")
	if !both2 {
		typ, code = strconv.Itoa(int(h.Type)), typ
	}
	a, err := strconv.ParseUint(typ, 10, 8)
	b, err2 := strconv.ParseUint(code, 10, 8)
	if err != nil || err2 != nil {
		return false, fmt.Errorf("the mark %.40q is not known", mark)
	}
	ends = !both2 || uint8(a) == h.Type
	h.Type, h.Code = uint8(a), uint8(b)
	return ends, nil
}

// parseExtension returns the structure of a text between angle brackets: objects with a semicolon
// between them. Objects that are neither label stacks nor octets are left out.
func parseExtension(text string) ([]byte, error) {
	sum := wire.ChecksumValid
	if strings.HasSuffix(text, "?") {
		sum = wire.ChecksumBad
	}
	var objects []wire.Object
	for part := range strings.SplitSeq(strings.TrimSuffix(text, "?"), ";") {
		name, content, _ := strings.Cut(part, ":")
		o := wire.Object{Class: wire.ClassMPLS, CType: wire.CTypeIncomingMPLS}
		var err error
		if name == "MPLS" {
			o.Payload, err = parseLabels(content)
		} else if class, ctype, ok := strings.Cut(name, "/"); ok {
			var a, b uint64
			if a, err = strconv.ParseUint(class, 10, 8); err == nil {
				b, err = strconv.ParseUint(ctype, 10, 8)
			}
			if err == nil {
				o.Class, o.CType = uint8(a), uint8(b)
				o.Payload, err = hex.DecodeString(strings.ReplaceAll(content, ",", ""))
			}
		} else {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("the extension %.40q is not understood", part)
		}
		objects = append(objects, o)
	}
	if objects == nil {
		return nil, nil
	}
	return wire.AppendExtensionAs(nil, sum, objects...), nil
}

// parseLabels returns the label stack of L=16000,E=0,S=1,T=1 and so on, with slashes between them.
func parseLabels(text string) (stack []byte, err error) {
	for part := range strings.SplitSeq(text, "/") {
		var l wire.Label
		fields := strings.Split(part, ",")
		if len(fields) != 4 {
			return nil, fmt.Errorf("%q is no label", part)
		}
		for i, bits := range [...]int{20, 3, 1, 8} {
			digits, ok := strings.CutPrefix(fields[i], "LEST"[i:i+1]+"=")
			v, err := strconv.ParseUint(digits, 10, bits)
			if err != nil || !ok {
				return nil, fmt.Errorf("%q is no label", part)
			}
			switch i {
			case 0:
				l.Label = uint32(v)
			case 1:
				l.EXP = uint8(v)
			case 2:
				l.S = uint8(v)
			default:
				l.TTL = uint8(v)
			}
		}
		stack = l.AppendTo(stack)
	}
	return stack, nil
}
