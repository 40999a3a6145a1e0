package commands

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"github.com/alecthomas/kong"
)

// kinds are the types of the values of flags: one for each kind of value. Beside them a flag may be
// a bool, a string (a name, a word, a file), or a list of strings.
var kinds = []any{
	rate(0), rateOrAuto(0), bandwidth(0), byteSize(0), count(0), number(0),
	timespan(0), wait{},
	method(0), ttl(0), tos(0), port(0), portRange{}, source{}, hardwareAddr{}, shard{}, formatName(""), hostRule{}, confidence(0), scope(""), variant(""),
}

// mappers returns the options that make kong read all values by the functions of this file.
func mappers() []kong.Option {
	options := []kong.Option{
		kong.KindMapper(reflect.String, kong.MapperFunc(decodeWord)),
		kong.KindMapper(reflect.Slice, kong.MapperFunc(decodeList)),
		kong.KindMapper(reflect.Bool, switchMapper{}),
	}
	for _, kind := range kinds {
		for _, t := range []reflect.Type{reflect.TypeOf(kind), reflect.PointerTo(reflect.TypeOf(kind))} {
			options = append(options, kong.TypeMapper(t, kong.MapperFunc(decodeWord)))
		}
	}
	return options
}

// decodeWord reads the value of a flag or of an argument.
func decodeWord(ctx *kong.DecodeContext, target reflect.Value) error {
	text, err := word(ctx)
	if err != nil {
		return err
	}
	return set(ctx, target, text)
}

// decodeList reads one value of a list, or several with the separator of the flag between them. An
// argument that is a list takes all that follow.
func decodeList(ctx *kong.DecodeContext, target reflect.Value) error {
	var texts []string
	switch {
	case ctx.Value.Flag == nil:
		for ctx.Scan.Peek().IsValue() {
			texts = append(texts, ctx.Scan.Pop().String())
		}
	default:
		text, err := word(ctx)
		if err != nil {
			return err
		}
		texts = kong.SplitEscaped(text, ctx.Value.Tag.Sep)
	}
	for _, text := range texts {
		element := reflect.New(target.Type().Elem()).Elem()
		if !ctx.Value.Passthrough { // the arguments of another command may be anything
			if err := plain(text); err != nil {
				return err
			}
		}
		if err := set(ctx, element, text); err != nil {
			return err
		}
		target.Set(reflect.Append(target, element))
	}
	return nil
}

// set sets target to the value that text stands for.
func set(ctx *kong.DecodeContext, target reflect.Value, text string) error {
	if target.Kind() == reflect.Pointer { // which kong has set to a new value
		target = target.Elem()
	}
	if value, ok := target.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return value.UnmarshalText([]byte(text))
	}
	for _, choice := range ctx.Value.EnumSlice() {
		if strings.EqualFold(text, choice) {
			text = choice
		}
	}
	target.SetString(text)
	return nil
}

// word returns the next argument, or the text after "=", as the value of a flag.
func word(ctx *kong.DecodeContext) (string, error) {
	token := ctx.Scan.Pop()
	text := token.String()
	switch {
	case token.IsEOL():
		return "", errors.New("a value is missing" + form(ctx.Value))
	case !token.IsValue() && !isNegative(text):
		return "", fmt.Errorf("a value is missing%s, before %s", form(ctx.Value), text)
	}
	return text, plain(text)
}

// isNegative reports whether an argument that begins with - is a number, and so no flag.
func isNegative(text string) bool {
	digits := strings.TrimLeft(text, "-")
	return len(text) == len(digits)+1 && digits != "" && strings.Trim(digits[:1], "0123456789.") == ""
}

// form returns the form of a value as the help has it.
func form(v *kong.Value) string {
	if v.Flag == nil || v.Flag.PlaceHolder == "" {
		return ""
	}
	return " (" + v.Flag.PlaceHolder + ")"
}

// plain returns an error about text that cannot be the value of any flag.
func plain(text string) error {
	switch {
	case text == "":
		return errors.New("the value is empty")
	case strings.ContainsFunc(text, unicode.IsControl):
		return fmt.Errorf("%q has a control character", text)
	}
	return nil
}

// switchMapper reads flags without a value. They may have one after "=".
type switchMapper struct{}

// IsBool implements kong.BoolMapper.
func (switchMapper) IsBool() bool { return true }

// Decode implements kong.Mapper.
func (switchMapper) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	if ctx.Scan.Peek().Type != kong.FlagValueToken {
		target.SetBool(true)
		return nil
	}
	switch text := ctx.Scan.Pop().String(); strings.ToLower(text) {
	case "true", "yes", "1":
		target.SetBool(true)
	case "false", "no", "0":
		target.SetBool(false)
	default:
		return fmt.Errorf("%q is neither true nor false; the flag needs no value", text)
	}
	return nil
}
