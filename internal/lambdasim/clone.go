package lambdasim

import (
	"maps"
	"slices"
)

// clone returns a copy that shares no map, slice or pointer with the original,
// but for the bytes of Code, which nobody changes.
func (spec FunctionSpec) clone() FunctionSpec {
	spec.Architectures = slices.Clone(spec.Architectures)
	spec.Env = maps.Clone(spec.Env)
	spec.Layers = slices.Clone(spec.Layers)
	spec.Tags = maps.Clone(spec.Tags)
	spec.FileSystems = slices.Clone(spec.FileSystems)
	spec.Aliases = maps.Clone(spec.Aliases)
	spec.ReservedConcurrency = clonePointer(spec.ReservedConcurrency)
	spec.Durable = clonePointer(spec.Durable)
	if spec.VPC = clonePointer(spec.VPC); spec.VPC != nil {
		spec.VPC.SubnetIDs = slices.Clone(spec.VPC.SubnetIDs)
		spec.VPC.SecurityGroupIDs = slices.Clone(spec.VPC.SecurityGroupIDs)
	}
	if spec.ImageConfig = clonePointer(spec.ImageConfig); spec.ImageConfig != nil {
		spec.ImageConfig.Command = slices.Clone(spec.ImageConfig.Command)
		spec.ImageConfig.EntryPoint = slices.Clone(spec.ImageConfig.EntryPoint)
	}
	return spec
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}
