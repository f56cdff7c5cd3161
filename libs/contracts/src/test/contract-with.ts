import { DefineEvent, type DataClass } from '../define-event.ts';

/** A contract whose only field, `value`, has the decorators. */
export function contractWith(...decorators: PropertyDecorator[]): DataClass {
  class Subject {
    value!: unknown;
  }
  for (const decorate of decorators) decorate(Subject.prototype, 'value');
  DefineEvent<Subject>({
    type: 'subject.changed.v1',
    exchange: 'subjects.events',
    publishedBy: 'subject-service',
    description: 'For tests.',
    example: { value: null },
  })(Subject);
  return Subject;
}
