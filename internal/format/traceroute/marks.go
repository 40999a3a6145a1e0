package traceroute

import (
	"fmt"
	"strings"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

// mark returns the mark of traceroute(8) after the time of an answer: " !H" and the like.
// It returns "" for a time exceeded, and for the target's own answer.
func mark(h *record.Hop) string {
	switch h.Protocol {
	case probe.ProtoICMP:
		return mark4(h)
	case probe.ProtoICMPv6:
		return mark6(h)
	default:
		return ""
	}
}

func mark4(h *record.Hop) string {
	switch h.Type {
	case wire.ICMPv4EchoReply:
		return ""
	case wire.ICMPv4Unreachable:
	case wire.ICMPv4TimeExceeded:
		if h.Code == 0 {
			return ""
		}
		return otherMark(h)
	default:
		return otherMark(h)
	}
	switch h.Code { // RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1
	case 0, 6, 8, 11:
		return " !N"
	case 1, 7, 12:
		return " !H"
	case 2:
		return " !P"
	case 3:
		return ""
	case 4:
		return fmt.Sprintf(" !F-%d", h.MTU)
	case 5:
		return " !S"
	case 9, 10, 13:
		return " !X"
	case 14:
		return " !V"
	case 15:
		return " !C"
	default:
		return fmt.Sprintf(" !<%d>", h.Code)
	}
}

func mark6(h *record.Hop) string {
	switch h.Type {
	case wire.ICMPv6EchoReply:
		return ""
	case wire.ICMPv6PacketTooBig:
		return fmt.Sprintf(" !F-%d", h.MTU)
	case wire.ICMPv6ParameterProblem:
		if h.Code == 1 { // unrecognised next header (RFC 4443 §3.4)
			return " !P"
		}
		return otherMark(h)
	case wire.ICMPv6Unreachable:
	case wire.ICMPv6TimeExceeded:
		if h.Code == 0 {
			return ""
		}
		return otherMark(h)
	default:
		return otherMark(h)
	}
	switch h.Code { // RFC 4443 §3.1
	case 0:
		return " !N"
	case 1:
		return " !X"
	case 2, 3:
		return " !H"
	case 4:
		return ""
	default:
		return fmt.Sprintf(" !<%d>", h.Code)
	}
}

func otherMark(h *record.Hop) string { return fmt.Sprintf(" !<%d-%d>", h.Type, h.Code) }

// roleMarks are traceroute's words for an interface's role (RFC 5837 §4.1).
var roleMarks = [...]string{
	wire.RoleIncoming: "INC", wire.RoleSubIP: "SUB", wire.RoleOutgoing: "OUT", wire.RoleNextHop: "NXT",
}

// extensionText writes the objects of an extension structure as traceroute(8) does with -e.
// Labels are MPLS:L=…,E=…,S=…,T=…, with a slash between them. Interfaces are
// INC:index,address,"name",mtu=…, and other objects are class/c-type:octets. One whose
// checksum is wrong ends in a question mark.
func extensionText(ext []byte) string {
	var x wire.Extension
	if len(ext) == 0 || x.Decode(ext) != nil {
		return ""
	}
	var parts []string
	for objects := x.Objects(); objects.Next(); {
		var f wire.Interface
		switch {
		case objects.NumLabels() > 0:
			parts = append(parts, labelText(&objects.Object))
		case objects.Class == wire.ClassInterface && f.Decode(objects.Object) == nil:
			parts = append(parts, interfaceText(&f))
		default:
			parts = append(parts, fmt.Sprintf("%d/%d:%x", objects.Class, objects.CType, objects.Payload))
		}
	}
	text := strings.Join(parts, ";")
	if text != "" && x.Checksum == wire.ChecksumBad {
		text += "?"
	}
	return text
}

func labelText(o *wire.Object) string {
	text := "MPLS:"
	for i := range o.NumLabels() {
		if i > 0 {
			text += "/"
		}
		l := o.Label(i)
		text += fmt.Sprintf("L=%d,E=%d,S=%d,T=%d", l.Label, l.EXP, l.S, l.TTL)
	}
	return text
}

func interfaceText(f *wire.Interface) string {
	var parts []string
	if f.Index != 0 {
		parts = append(parts, fmt.Sprint(f.Index))
	}
	if f.Addr.IsValid() {
		parts = append(parts, f.Addr.String())
	}
	if f.Name != nil {
		parts = append(parts, `"`+printable(string(f.Name))+`"`)
	}
	if f.MTU != 0 {
		parts = append(parts, fmt.Sprintf("mtu=%d", f.MTU))
	}
	return roleMarks[f.Role&3] + ":" + strings.Join(parts, ",")
}
