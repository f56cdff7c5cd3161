import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A person who may sign in. */
@Entity('accounts')
export class Account {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  /** As it was typed at sign-up. */
  @Column({ type: 'text' })
  email!: string;

  /** As it is compared: see {@link emailKey}. */
  @Column({ type: 'text', name: 'email_key', unique: true })
  emailKey!: string;

  @Column({ type: 'text', name: 'display_name' })
  displayName!: string;

  /** Argon2id in its PHC string format, with its parameters and salt. */
  @Column({ type: 'text', name: 'password_hash' })
  passwordHash!: string;

  @Column({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;
}

/** One person can type an address in several ways: letter case and the two ways Unicode writes an é. */
export function emailKey(email: string): string {
  return email.normalize('NFC').toLowerCase();
}
