import { primitives } from './primitives.ts';

/** One element of a type. */
export interface ElementDefinition {
  readonly name: string;
  readonly type: string;
  readonly isRequired: boolean;
  readonly isList: boolean;
  /** XML has it as an attribute of its parent, not as an element. */
  readonly isAttribute: boolean;
  /** Among the elements of its type, in their order. */
  readonly place: number;
}

/**
 * What the API reads and writes of FHIR STU3, in the order that XML must have: the whole of Consent, Bundle and
 * OperationOutcome, and as much of the CapabilityStatement as ours says. A type is followed by the one that it extends.
 * Of extensions there are the value types that the National Data Opt-out's have, and no more.
 * Source: HL7 FHIR 3.0.1, the definitions of the resources and of "Data Types".
 */
const source = `
Element
  @id 0..1 string
  extension 0..* Extension
BackboneElement Element
  modifierExtension 0..* Extension
Extension Element
  @url 1..1 uri
  valueString 0..1 string
  valueCodeableConcept 0..1 CodeableConcept
Resource
  id 0..1 id
  meta 0..1 Meta
  implicitRules 0..1 uri
  language 0..1 code
DomainResource Resource
  text 0..1 Narrative
  contained 0..* AnyResource
  extension 0..* Extension
  modifierExtension 0..* Extension
Meta Element
  versionId 0..1 id
  lastUpdated 0..1 instant
  profile 0..* uri
  security 0..* Coding
  tag 0..* Coding
Narrative Element
  status 1..1 code
  div 1..1 xhtml
Period Element
  start 0..1 dateTime
  end 0..1 dateTime
Coding Element
  system 0..1 uri
  version 0..1 string
  code 0..1 code
  display 0..1 string
  userSelected 0..1 boolean
CodeableConcept Element
  coding 0..* Coding
  text 0..1 string
Identifier Element
  use 0..1 code
  type 0..1 CodeableConcept
  system 0..1 uri
  value 0..1 string
  period 0..1 Period
  assigner 0..1 Reference
Reference Element
  reference 0..1 string
  identifier 0..1 Identifier
  display 0..1 string
Attachment Element
  contentType 0..1 code
  language 0..1 code
  data 0..1 base64Binary
  url 0..1 uri
  size 0..1 unsignedInt
  hash 0..1 base64Binary
  title 0..1 string
  creation 0..1 dateTime
Consent DomainResource
  identifier 0..1 Identifier
  status 1..1 code
  category 0..* CodeableConcept
  patient 1..1 Reference
  period 0..1 Period
  dateTime 0..1 dateTime
  consentingParty 0..* Reference
  actor 0..* ConsentActor
  action 0..* CodeableConcept
  organization 0..* Reference
  sourceAttachment 0..1 Attachment
  sourceIdentifier 0..1 Identifier
  sourceReference 0..1 Reference
  policy 0..* ConsentPolicy
  policyRule 0..1 uri
  securityLabel 0..* Coding
  purpose 0..* Coding
  dataPeriod 0..1 Period
  data 0..* ConsentData
  except 0..* ConsentExcept
ConsentActor BackboneElement
  role 1..1 CodeableConcept
  reference 1..1 Reference
ConsentPolicy BackboneElement
  authority 0..1 uri
  uri 0..1 uri
ConsentData BackboneElement
  meaning 1..1 code
  reference 1..1 Reference
ConsentExcept BackboneElement
  type 1..1 code
  period 0..1 Period
  actor 0..* ConsentExceptActor
  action 0..* CodeableConcept
  securityLabel 0..* Coding
  purpose 0..* Coding
  class 0..* Coding
  code 0..* Coding
  dataPeriod 0..1 Period
  data 0..* ConsentExceptData
ConsentExceptActor BackboneElement
  role 1..1 CodeableConcept
  reference 1..1 Reference
ConsentExceptData BackboneElement
  meaning 1..1 code
  reference 1..1 Reference
OperationOutcome DomainResource
  issue 1..* OperationOutcomeIssue
OperationOutcomeIssue BackboneElement
  severity 1..1 code
  code 1..1 code
  details 0..1 CodeableConcept
  diagnostics 0..1 string
  location 0..* string
  expression 0..* string
Bundle Resource
  type 1..1 code
  total 0..1 unsignedInt
  link 0..* BundleLink
  entry 0..* BundleEntry
BundleLink BackboneElement
  relation 1..1 string
  url 1..1 uri
BundleEntry BackboneElement
  fullUrl 0..1 uri
  resource 0..1 AnyResource
  search 0..1 BundleEntrySearch
  request 0..1 BundleEntryRequest
BundleEntrySearch BackboneElement
  mode 0..1 code
BundleEntryRequest BackboneElement
  method 1..1 code
  url 1..1 uri
CapabilityStatement DomainResource
  url 0..1 uri
  version 0..1 string
  name 0..1 string
  title 0..1 string
  status 1..1 code
  date 1..1 dateTime
  description 0..1 markdown
  kind 1..1 code
  software 0..1 CapabilityStatementSoftware
  implementation 0..1 CapabilityStatementImplementation
  fhirVersion 1..1 id
  acceptUnknown 1..1 code
  format 1..* code
  rest 0..* CapabilityStatementRest
CapabilityStatementSoftware BackboneElement
  name 1..1 string
CapabilityStatementImplementation BackboneElement
  description 1..1 string
  url 0..1 uri
CapabilityStatementRest BackboneElement
  mode 1..1 code
  security 0..1 CapabilityStatementRestSecurity
  resource 0..* CapabilityStatementRestResource
CapabilityStatementRestSecurity BackboneElement
  cors 0..1 boolean
  description 0..1 string
CapabilityStatementRestResource BackboneElement
  type 1..1 code
  profile 0..1 Reference
  documentation 0..1 markdown
  interaction 1..* CapabilityStatementRestResourceInteraction
  versioning 0..1 code
  readHistory 0..1 boolean
  updateCreate 0..1 boolean
  conditionalCreate 0..1 boolean
  conditionalRead 0..1 code
  conditionalUpdate 0..1 boolean
  conditionalDelete 0..1 code
  searchParam 0..* CapabilityStatementRestResourceSearchParam
CapabilityStatementRestResourceInteraction BackboneElement
  code 1..1 code
CapabilityStatementRestResourceSearchParam BackboneElement
  name 1..1 string
  type 1..1 code
  documentation 0..1 string
`;

/** Every type's elements by name, those of the types that it extends first. */
export const definitions: ReadonlyMap<string, ReadonlyMap<string, ElementDefinition>> = read(source);

export const resourceTypes = ['Consent', 'OperationOutcome', 'Bundle', 'CapabilityStatement'] as const;

/** Elements of a type; none where it is a primitive or not known. */
export function elementsOf(type: string): ReadonlyMap<string, ElementDefinition> {
  return definitions.get(type) ?? new Map<string, ElementDefinition>();
}

export function isResourceType(type: string): boolean {
  return resourceTypes.some((known) => known === type);
}

function read(text: string): Map<string, Map<string, ElementDefinition>> {
  const types = new Map<string, Map<string, ElementDefinition>>();
  let current = new Map<string, ElementDefinition>();
  for (const line of text.trim().split('\n')) {
    const [first = '', second = '', third = ''] = line.trim().split(' ');
    if (line.startsWith(' ')) {
      const name = first.replace('@', '');
      const isAttribute = first !== name;
      const [least, most] = second.split('..');
      const [isRequired, isList] = [least === '1', most === '*'];
      current.set(name, { name, type: third, isRequired, isList, isAttribute, place: current.size });
    } else {
      current = new Map(types.get(second));
      types.set(first, current);
    }
  }
  for (const elements of types.values()) {
    for (const { name, type } of elements.values()) {
      if (type !== 'AnyResource' && !types.has(type) && !(type in primitives)) throw new TypeError(`${name}: ${type}`);
    }
  }
  return types;
}
