/** An answer of the Step Functions API that is an error, by its name in the API reference. */
export class ServiceError extends Error {
  override readonly name: string;

  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}
