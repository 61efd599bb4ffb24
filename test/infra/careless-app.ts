import { App, Stack } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { holdAgainstRules } from '../../infra/acknowledged.ts';

/** A bucket that nobody has thought about. */
const app = new App();
holdAgainstRules(app);
new Bucket(new Stack(app, 'careless'), 'Bucket');
app.synth();
