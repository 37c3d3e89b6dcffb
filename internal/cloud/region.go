package cloud

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
)

// Region is one account and region, opened for the caller. Its methods are
// safe for concurrent use.
type Region struct {
	Account   string
	Partition string
	Name      string
	// Caller is the ARN of the principal that calls.
	Caller string

	lambda       *lambda.Client
	tagging      *tagging.Client
	iam          *iam.Client
	metrics      *cloudwatch.Client
	window       time.Duration
	unzippedSize func(ctx context.Context, url string) (int64, error)
	logger       *slog.Logger
}

// newRegion makes the clients of one region.
func newRegion(cfg Config, base aws.Config, who identity, name string) *Region {
	regional := paced(cfg, base, who.account, name)
	return &Region{
		Account: who.account, Partition: who.partition, Name: name, Caller: who.arn,
		lambda:       lambda.NewFromConfig(regional),
		tagging:      tagging.NewFromConfig(regional),
		iam:          iam.NewFromConfig(regional),
		metrics:      cloudwatch.NewFromConfig(regional),
		window:       cfg.MetricsWindow,
		unzippedSize: cfg.UnzippedSize,
		logger:       cfg.Logger,
	}
}

// paced returns the configuration of one account and region, whose calls wait
// for the pacer.
func paced(cfg Config, base aws.Config, account, name string) aws.Config {
	regional := base.Copy()
	regional.Region = name
	step := &attempts{account: account, region: name, pacer: cfg.Pacer, logger: cfg.Logger}
	regional.APIOptions = append(slices.Clone(base.APIOptions), step.addTo)
	return regional
}
