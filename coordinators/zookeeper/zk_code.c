/* SPDX-License-Identifier: Apache-2.0 */
/* What the client library's codes mean. */
#include "zk_handle.h"

/*
 * Whatever is not a definite answer of the server counts as unknown: after a
 * loss of the connection requests end with any of several codes.
 */
enum zk_code mf_zk_code_of(int rc)
{
	switch (rc) {
	case ZOK:
		return ZK_OK;
	case ZNONODE:
		return ZK_NONODE;
	case ZNODEEXISTS:
		return ZK_EXISTS;
	case ZBADVERSION:
		return ZK_BADVERSION;
	case ZNOTEMPTY:
		return ZK_NOTEMPTY;
	case ZNOAUTH:
		return ZK_NOAUTH;
	case ZNOCHILDRENFOREPHEMERALS:
	case ZINVALIDACL:
	case ZBADARGUMENTS:
	case ZUNIMPLEMENTED:
	case ZNOTREADONLY:
	case ZEPHEMERALONLOCALSESSION:
	case ZTHROTTLEDOP:
		return ZK_REFUSED;
	default:
		return ZK_UNKNOWN;
	}
}

enum zk_code mf_zk_refusal_of(int rc)
{
	if (rc == ZSYSTEMERROR || rc == ZMARSHALLINGERROR)
		return ZK_NOMEM;
	return rc == ZBADARGUMENTS ? ZK_REFUSED : ZK_UNSENT;
}
