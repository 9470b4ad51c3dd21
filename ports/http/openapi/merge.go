// Package openapi puts the OpenAPI document together from a base, which holds what all routes share, and fragments, each of
// which holds the paths of one room or team with the components that only they use.
//
// Stability: unsupported; it may change at any time.
package openapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// Merge returns base with the tags, paths and components of the fragments added, in the order given, as it is published: texts,
// comments and the order of members stay as they are, and what many tools cannot read or need not know is gone (see plain and
// publish). A path may be in several documents as long as each operation is in one. The error names what cannot be merged: a
// document that is no YAML mapping, a member of a fragment that is none of the three, and an operation, a tag or a component that
// is defined twice. What is wrong with a fragment is a *FragmentError.
func Merge(base []byte, fragments ...[]byte) ([]byte, error) {
	whole, err := merge(base, fragments...)
	if err != nil {
		return nil, err
	}
	publish(whole)
	return write(whole)
}

// merge is Merge with what only generators of ours read.
func merge(base []byte, fragments ...[]byte) (*yaml.Node, error) {
	whole, err := parse(base)
	if err != nil {
		return nil, fmt.Errorf("openapi: the base: %w", err)
	}
	for i, fragment := range fragments {
		add, err := parse(fragment)
		if err == nil {
			err = addFragment(whole, add)
		}
		if err != nil {
			return nil, &FragmentError{i, err}
		}
	}
	return whole, nil
}

// FragmentError says which fragment cannot be merged, counted from 0, and why.
type FragmentError struct {
	Index int
	Err   error
}

// Error implements error.
func (e *FragmentError) Error() string {
	return "openapi: fragment " + strconv.Itoa(e.Index+1) + ": " + e.Err.Error()
}

// Unwrap returns the reason.
func (e *FragmentError) Unwrap() error { return e.Err }

// parse returns the mapping that a document is, plain.
func parse(document []byte) (*yaml.Node, error) {
	var n yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(document))
	if err := d.Decode(&n); err != nil {
		return nil, err
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("is more than one document")
	}
	if n.Kind != yaml.DocumentNode || n.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("is no mapping")
	}
	return plain(n.Content[0])
}

func write(whole *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(whole), e.Close()); err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	return b.Bytes(), nil
}

func addFragment(whole, add *yaml.Node) error {
	return each(add, func(name string, key, value *yaml.Node) error {
		switch name {
		case "tags":
			return addTags(whole, key, value)
		case "paths":
			return addMembers(whole, key, value, func(path string, into, more *yaml.Node) error {
				return addOnce(into, more, func(method string) string { return method + " " + path })
			})
		case "components":
			return addMembers(whole, key, value, func(kind string, into, more *yaml.Node) error {
				return addOnce(into, more, func(component string) string { return "components." + kind + "." + component })
			})
		default:
			return fmt.Errorf("%s has no place in a fragment, which holds tags, paths and components", name)
		}
	})
}

// addTags appends a fragment's list of tags to that of the whole document.
func addTags(whole, key, tags *yaml.Node) error {
	into := member(whole, "tags")
	if into == nil {
		whole.Content = append(whole.Content, key, tags)
		return nil
	}
	if into.Kind != yaml.SequenceNode || tags.Kind != yaml.SequenceNode {
		return errors.New("tags is no list")
	}
	for _, tag := range tags.Content {
		for _, known := range into.Content {
			if name := textOf(tag, "name"); name == textOf(known, "name") {
				return fmt.Errorf("the tag %s is defined twice", name)
			}
		}
		into.Content = append(into.Content, tag)
	}
	return nil
}

// addMembers adds to one of the whole document's mappings the members of a fragment's. Where both have a member, join is
// asked to put the two together.
func addMembers(whole, key, more *yaml.Node, join func(name string, into, more *yaml.Node) error) error {
	into := member(whole, key.Value)
	if into == nil {
		whole.Content = append(whole.Content, key, more)
		return nil
	}
	return each(more, func(name string, key, value *yaml.Node) error {
		if present := member(into, name); present != nil {
			return join(name, present, value)
		}
		into.Content = append(into.Content, key, value)
		return nil
	})
}

// addOnce adds members that must not be there yet. call says how a member that is there is told.
func addOnce(into, more *yaml.Node, call func(name string) string) error {
	return each(more, func(name string, key, value *yaml.Node) error {
		if member(into, name) != nil {
			return fmt.Errorf("%s is defined twice", call(name))
		}
		into.Content = append(into.Content, key, value)
		return nil
	})
}

// each calls do for the members of a mapping, in order, until one fails.
func each(mapping *yaml.Node, do func(name string, key, value *yaml.Node) error) error {
	if mapping.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d is no mapping", mapping.Line)
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if err := do(mapping.Content[i].Value, mapping.Content[i], mapping.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// member returns a member of a mapping; nil when there is none.
func member(mapping *yaml.Node, name string) *yaml.Node {
	for i := 0; mapping.Kind == yaml.MappingNode && i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return mapping.Content[i+1]
		}
	}
	return nil
}

// textOf returns a member that is a text; empty when there is none.
func textOf(mapping *yaml.Node, name string) string {
	if n := member(mapping, name); n != nil {
		return n.Value
	}
	return ""
}
