package autodefend

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/autodefend/autodefend"
	"github.com/autodefend/autodefend/internal/api"
)

// inventoryPage is how many functions are read from the inventory at once.
const inventoryPage = 1000

// attached finds the Defender in a function: its layer, and whether something starts it. It knows the layers of all
// recipes, so that a Defender somebody else attached counts too.
func (s *Service) attached(f *autodefend.Function) (string, bool) {
	for _, r := range s.recipes {
		layer := ""
		for _, arn := range f.LayerARNs() {
			if name := autodefend.LayerName(arn); name != "" && name == r.Layer.Names[f.Architecture] {
				layer = arn
			}
		}
		starts := r.Wrapper != nil && f.Environment.Variables[autodefend.WrapperVariable] == r.Wrapper.Path ||
			r.Handler != nil && f.Handler == r.Handler.Value
		if layer != "" && starts {
			return layer, true
		}
	}
	return "", false
}

// info renders a function with its verdict, without any variable's value.
func (s *Service) info(f *autodefend.Function, verdict api.FunctionVerdict) api.FunctionInfo {
	layer, defended := s.attached(f)
	_, run, _ := strings.Cut(f.Environment.Variables[autodefend.MarkerVariable], "/")
	verdict.AttachedBy = run
	arn := f.ARN.String()
	info := api.FunctionInfo{
		ID: arn, ShortID: f.ARN.Name, Name: f.ARN.Name, Hostname: f.ARN.Name, AccountID: f.ARN.Account, Region: f.ARN.Region, Provider: "aws",
		Architecture: f.Architecture, IsARM64: f.Architecture == autodefend.ArchARM,
		CloudMetadata: api.FunctionCloud{AccountID: f.ARN.Account, Provider: "aws", Region: f.ARN.Region, ResourceID: arn},
		Collections:   []string{}, Defended: defended, DefenderLayerARN: layer,
		EnvVars: f.Environment.Variables.Names(), FunctionLayers: []api.LayerInfo{}, FunctionTags: []api.ExternalLabel{},
		Handler: f.Handler, Memory: int64(f.MemoryMB), Timeout: int64(f.TimeoutSec), Platform: "linux", Role: f.Role, Runtime: f.Runtime,
		ScanTime: s.now(), Status: f.State.Name, Type: api.ScanServerless, Version: "$LATEST", Own: verdict,
	}
	info.Description, info.LastModified = f.Description, f.LastModified
	info.ApplicationName = f.Tags["aws:cloudformation:stack-name"]
	for _, l := range f.Layers {
		name, version := l.ARN, ""
		if parsed, err := autodefend.ParseLayerARN(l.ARN); err == nil && parsed.Version > 0 {
			name, version = parsed.Name, fmt.Sprint(parsed.Version)
		}
		info.FunctionLayers = append(info.FunctionLayers, api.LayerInfo{ID: l.ARN, Name: name, Version: version})
	}
	for key, value := range f.Tags {
		info.FunctionTags = append(info.FunctionTags, api.ExternalLabel{Key: key, Value: value, SourceType: "aws", SourceName: f.ARN.Account})
	}
	slices.SortFunc(info.FunctionTags, func(a, b api.ExternalLabel) int { return cmp.Compare(a.Key, b.Key) })
	return info
}

// recordOf makes the inventory's record of a function.
func recordOf(info api.FunctionInfo) (api.FunctionRecord, error) {
	body, err := json.Marshal(info)
	return api.FunctionRecord{
		ARN: info.ID, Account: info.AccountID, Region: info.Region, Name: info.Name, Runtime: info.Runtime,
		Architecture: info.Architecture, Defended: info.Defended, Decision: string(info.Own.Decision), Rule: info.Own.Rule,
		Modified: info.LastModified, Seen: info.ScanTime, Body: body,
	}, err
}

// settle makes a function's picture what a receipt says was done to it.
func settle(info *api.FunctionInfo, receipt autodefend.Receipt, change *autodefend.Change, run string) {
	switch receipt.Outcome {
	case autodefend.OutcomeProtected, autodefend.OutcomeRepaired:
		info.Defended, info.Own.Decision, info.Own.Reasons = true, autodefend.Protected, []autodefend.Reason{}
		info.Own.AttachedBy = run
	case autodefend.OutcomeUnchanged:
		info.Own.Decision, info.Own.Reasons = autodefend.Protected, []autodefend.Reason{}
	case autodefend.OutcomeRolledBack:
		info.Defended, info.DefenderLayerARN, info.Own.AttachedBy = false, "", ""
		info.Own.Reasons = receipt.Reasons
	case autodefend.OutcomeSkipped:
		info.Own.Decision, info.Own.Reasons = autodefend.Skip, receipt.Reasons
		return
	default:
		info.Own.Reasons = receipt.Reasons
		return
	}
	if change == nil || change.Layers == nil {
		return
	}
	info.FunctionLayers = info.FunctionLayers[:0]
	for _, arn := range change.Layers.After {
		l := api.LayerInfo{ID: arn, Name: arn}
		if parsed, err := autodefend.ParseLayerARN(arn); err == nil {
			l.Name, l.Version = parsed.Name, fmt.Sprint(parsed.Version)
		}
		info.FunctionLayers = append(info.FunctionLayers, l)
	}
	if info.Defended && len(change.Layers.After) > 0 {
		info.DefenderLayerARN = change.Layers.After[len(change.Layers.After)-1]
	}
}

// known reads what the inventory has of a site, by ARN.
func (s *Service) known(ctx context.Context, account, region string) (map[string]api.FunctionInfo, error) {
	all := map[string]api.FunctionInfo{}
	q := api.FunctionQuery{Accounts: []string{account}, Regions: []string{region}}
	err := s.eachFunction(ctx, q, func(r api.FunctionRecord) error {
		var info api.FunctionInfo
		if err := json.Unmarshal(r.Body, &info); err != nil {
			return &autodefend.Error{Code: autodefend.CodeInternal, Message: "read function " + r.ARN, Err: err}
		}
		all[r.ARN] = info
		return nil
	})
	return all, err
}

// eachFunction reads functions page by page.
func (s *Service) eachFunction(ctx context.Context, q api.FunctionQuery, do func(api.FunctionRecord) error) error {
	for q.Page.Limit = inventoryPage; ; q.Page.Offset += inventoryPage {
		page, _, err := s.cfg.Inventory.Functions(ctx, q)
		if err != nil {
			return err
		}
		for _, r := range page {
			if err := do(r); err != nil {
				return err
			}
		}
		if len(page) < inventoryPage {
			return nil
		}
	}
}

// keepSite replaces what is known of a site by the functions of a complete listing.
func (w *work) keepSite(site *workSite, infos []api.FunctionInfo) error {
	ctx := context.WithoutCancel(site.ctx)
	records := make([]api.FunctionRecord, len(infos))
	tally := newTally()
	for i, info := range infos {
		var err error
		if records[i], err = recordOf(info); err != nil {
			return err
		}
		tally.add(info)
	}
	if err := site.held.still(ctx); err != nil {
		return err
	}
	if err := w.s.cfg.Inventory.ReplaceFunctions(ctx, site.Account, site.Region, records); err != nil {
		return err
	}
	return w.s.store(ctx, idSite+site.Account+"/"+site.Region, siteSummary{
		Account: site.Account, Region: site.Region, Credential: w.credential, Report: tally.report(), Listed: w.s.now(),
	})
}

// markSite notes why a site couldn't be listed in full, beside what is known of it.
func (w *work) markSite(site *workSite, why string) error {
	ctx := context.WithoutCancel(site.ctx)
	id := idSite + site.Account + "/" + site.Region
	was, err := read[siteSummary](ctx, w.s, api.KindRuleStatus, id)
	if err != nil {
		return err
	}
	was.Account, was.Region, was.Credential, was.Error = site.Account, site.Region, w.credential, why
	return w.s.store(ctx, id, was)
}
