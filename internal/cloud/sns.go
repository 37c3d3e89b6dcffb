package cloud

import (
	"cmp"
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/autodefend/autodefend"
)

// publishAttempts is how often a message is sent at most: who publishes keeps what wasn't taken, and tries again later.
const publishAttempts = 3

// PublisherConfig says with whose credentials messages are published, and where.
type PublisherConfig struct {
	Region string
	// AssumeRole is a role to publish as; without an ARN there is none.
	AssumeRole AssumeRole
	// Base has the HTTP client, the logger, the profile and the access key. Its other members aren't used.
	Base Config
}

// Publisher publishes messages in one region. It is safe for concurrent use.
type Publisher struct {
	sns    *sns.Client
	events *eventbridge.Client
}

// OpenPublisher makes a publisher. It doesn't call AWS yet.
func OpenPublisher(ctx context.Context, cfg PublisherConfig) (*Publisher, error) {
	if !autodefend.ValidRegion(cfg.Region) {
		return nil, autodefend.Errorf(autodefend.CodeInvalid, "%q isn't the name of a region", clip(cfg.Region, 80)).WithHint("regions look like eu-west-1")
	}
	base := cfg.Base
	base.MaxAttempts = cmp.Or(base.MaxAttempts, publishAttempts)
	base.Regions, base.AssumeRoles = []string{cfg.Region}, nil
	if cfg.AssumeRole.ARN != "" {
		base.AssumeRoles = []AssumeRole{cfg.AssumeRole}
	}
	if err := base.validate(); err != nil {
		return nil, err
	}
	base = base.defaults()
	sdk, err := load(ctx, base)
	if err != nil {
		return nil, err
	}
	sdk.Region = cfg.Region
	if cfg.AssumeRole.ARN != "" {
		sdk.Credentials = aws.NewCredentialsCache(assume(sdk, cfg.AssumeRole))
	}
	sdk = paced(base, sdk, "", cfg.Region)
	return &Publisher{sns: sns.NewFromConfig(sdk), events: eventbridge.NewFromConfig(sdk)}, nil
}

// PublishSNS sends a message to a topic. The subject is ASCII of at most 99 characters and may be ""; attributes are what
// subscriptions can filter by.
func (p *Publisher) PublishSNS(ctx context.Context, topicARN, subject, message string, attributes map[string]string) error {
	in := &sns.PublishInput{
		TopicArn: aws.String(topicARN), Message: aws.String(message), Subject: optional(subject),
		MessageAttributes: make(map[string]types.MessageAttributeValue, len(attributes)),
	}
	for name, value := range attributes {
		in.MessageAttributes[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
	}
	if _, err := p.sns.Publish(ctx, in); err != nil {
		return request{operation: "Publish", resource: topicARN, action: "sns:Publish"}.fail(ctx, err)
	}
	return nil
}
