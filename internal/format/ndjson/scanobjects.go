package ndjson

// object reads an object of an extension structure in a hop.
func (s *scan) object(o *ObjectLine) {
	for s.Open('{'); s.More('}'); {
		switch key := s.Key(); string(key) {
		case "ie_cn":
			o.Class = s.u8()
		case "ie_ct":
			o.CType = s.u8()
		case "ie_dl":
			o.Len = s.u16()
		case "mpls_labels":
			list(s, &o.Labels, &s.labels, (*scan).label)
		case "iface":
			s.iface(&o.Iface)
		case "hex":
			o.Hex = s.Text()
		default:
			s.Unknown(key)
		}
	}
}

func (s *scan) label(l *LabelLine) {
	for s.Open('{'); s.More('}'); {
		switch key := s.Key(); string(key) {
		case "mpls_ttl":
			l.TTL = s.u8()
		case "mpls_s":
			l.S = s.u8()
		case "mpls_exp":
			l.EXP = s.u8()
		case "mpls_label":
			l.Label = s.u32()
		default:
			s.Unknown(key)
		}
	}
}

// replyObject reads an object of an extension structure in a reply.
func (s *scan) replyObject(o *ReplyObject) {
	for s.Open('{'); s.More('}'); {
		switch key := s.Key(); string(key) {
		case "class":
			o.Class = s.u8()
		case "type":
			o.CType = s.u8()
		case "len":
			o.Len = s.u16()
		case "hex":
			o.Hex = s.Text()
		case "iface":
			s.iface(&o.Iface)
		default:
			s.Unknown(key)
		}
	}
}

// iface reads the information about an interface. It is rare, and allocated.
func (s *scan) iface(to **IfaceLine) {
	if *to != nil { // twice: encoding/json mixes them
		s.Fail()
		return
	}
	f := new(IfaceLine)
	for s.Open('{'); s.More('}'); {
		switch key := s.Key(); string(key) {
		case "role":
			f.Role = s.Text()
		case "index":
			f.Index = s.u32()
		case "addr":
			s.Addr(&f.Addr)
		case "name":
			if text := s.Literal(); s.OK() && f.Name.UnmarshalJSON(text) != nil {
				s.Fail()
			}
		case "mtu":
			f.MTU = s.u32()
		default:
			s.Unknown(key)
		}
	}
	*to = f
}
